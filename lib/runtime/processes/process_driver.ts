/** A short-lived program whose output is wanted. */
export interface RunOptions {
  /** Absolute path of the program. */
  readonly command: string;
  /** Its arguments. */
  readonly args?: readonly string[];
  /** Variables added to the inherited environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** After this time the program and all it started are killed. */
  readonly timeoutMs: number;
  /** Output kept per stream; what comes after is read and dropped. */
  readonly maxOutputBytes: number;
  /** Kills the program early. */
  readonly signal?: AbortSignal;
}

/** How a program ended. */
export interface RunResult {
  /** Exit code, or `undefined` when a signal ended it. */
  readonly code: number | undefined;
  /** Whether it was killed because its time was over (or the signal was aborted). */
  readonly isTimedOut: boolean;
  /** What it wrote to standard output. */
  readonly stdout: Uint8Array;
  /** What it wrote to standard error. */
  readonly stderr: Uint8Array;
  /** Whether output was dropped. */
  readonly isTruncated: boolean;
}

/** A program that outlives this process. */
export interface DetachedOptions {
  /** Absolute path of the program. */
  readonly command: string;
  /** Its arguments. */
  readonly args: readonly string[];
}

/** A program whose output is followed. */
export interface StartOptions {
  /** Absolute path of the program. */
  readonly command: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Variables added to the inherited environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Leaves its standard input open for as long as we live: so it notices when we are gone. */
  readonly isAttached?: boolean;
}

/** A child process that is watched while it runs. */
export interface ChildProcess {
  /** Process ID. */
  readonly pid: number;
  /** Lines of both output streams, as they come. */
  readonly lines: AsyncIterable<{ stream: "stdout" | "stderr"; text: string }>;
  /** Settles when it ended: the exit code, or the name of the signal. */
  readonly ended: Promise<{ code: number | undefined; signal: string | undefined }>;
  /** Ends its standard input, if that is open. */
  closeInput(): void;
  /** Sends it a signal; nothing happens when it has ended. */
  kill(signal: "SIGTERM" | "SIGKILL" | "SIGINT" | "SIGUSR1" | "SIGUSR2" | "SIGHUP"): void;
}

/** What tells a process from a later one of the same ID. */
export interface ProcessIdentity {
  /** Changes at every start of the kernel. */
  readonly bootId: string;
  /** When the process started, in ticks since boot; `undefined` when there is no such process. */
  readonly startTime: string | undefined;
}

/** Other programs. */
export interface ProcessDriver {
  /**
   * Runs a program to its end or to its deadline. Never rejects for what the program does; rejects
   * with the runtime's error when it cannot be started.
   */
  run(options: RunOptions): Promise<RunResult>;
  /**
   * Starts a program in a session of its own, without our standard streams, and forgets it.
   *
   * @returns Its process ID.
   */
  startDetached(options: DetachedOptions): number;
  /** Starts a program and follows its output. Throws the runtime's error when it cannot be started. */
  start(options: StartOptions): ChildProcess;
  /**
   * Which process an ID names, and which boot of the machine this is.
   *
   * Asked of a small script: Deno does not let a program under permissions read `/proc`.
   */
  identify(pid: number): Promise<ProcessIdentity>;
}
