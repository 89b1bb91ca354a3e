/** What a program is started with in a pseudo-terminal. */
export interface PtyOptions {
  /** Absolute path of the program, and its arguments. */
  readonly command: readonly string[];
  /** Where it starts; it must exist. */
  readonly directory: string;
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Columns of the terminal. */
  readonly columns: number;
  /** Rows of the terminal. */
  readonly rows: number;
  /** Told the output, in order and without a gap, from the first byte on; not before `start` is done. */
  onOutput(bytes: Uint8Array): void;
}

/** A program in a pseudo-terminal: the leader of a session of its own, whose controlling terminal it is. */
export interface PtyProcess {
  /** Process ID of the program, which is also the ID of its session. */
  readonly pid: number;
  /** Settles once the terminal is closed and all output was told. */
  readonly ended: Promise<void>;
  /** Bytes of input that the terminal has not taken yet. */
  readonly queuedBytes: number;
  /** Queues input. */
  write(bytes: Uint8Array): void;
  /** Settles when at most so many bytes of input wait, or the terminal is closed. */
  drained(queuedBytes: number): Promise<void>;
  /** Stops reading output: the program is held up once the terminal is full. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /** Tells the programs in the terminal its new size. */
  resize(columns: number, rows: number): void;
  /** Closes the terminal: the kernel hangs up on the program and on what runs in the foreground. */
  hangUp(): void;
}

/** A way to make pseudo-terminals. */
export interface PtyDriver {
  /** `native`: the addon. `script`: the program of util-linux. */
  readonly kind: "native" | "script";
  /** Starts a program. Rejects with the runtime's error, or a {@link RuntimeError}. */
  start(options: PtyOptions): Promise<PtyProcess>;
}
