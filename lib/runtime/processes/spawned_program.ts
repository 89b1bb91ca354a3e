import { type Clock, endsWithin } from "../clock.ts";
import { onAbort } from "../on_abort.ts";
import type { RunOptions, RunResult } from "./process_driver.ts";

/** A running program as both runtimes can give it; what `run` is built on. */
export interface SpawnedProgram {
  /** Process ID. */
  readonly pid: number;
  /** Its standard output. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** Its standard error. */
  readonly stderr: ReadableStream<Uint8Array>;
  /** Settles when it ended. */
  readonly ended: Promise<{ code: number | undefined; signal: string | undefined }>;
  /** Ends standard input. */
  closeInput(): void;
  /** Sends it a signal; nothing happens when it has ended. */
  kill(signal: string): void;
}

/** After the supervisor was told to end a program: how long its own end may take. */
const KILL_GRACE_MS = 2000;

/** After the program ended: how long what it wrote may take to arrive. */
const DRAIN_MS = 500;

/**
 * Follows a program that was started under `run_bounded.sh` to its end or deadline. The end of the
 * supervisor's standard input makes it kill the program's whole session.
 */
export async function runToEnd(
  program: SpawnedProgram,
  options: RunOptions,
  clock: Clock,
): Promise<RunResult> {
  const stdout = new BoundedOutput(program.stdout, options.maxOutputBytes);
  const stderr = new BoundedOutput(program.stderr, options.maxOutputBytes);
  let isTimedOut = false;
  let cancelGrace = (): void => {};
  const stop = (): void => {
    isTimedOut = true;
    program.closeInput();
    cancelGrace = clock.after(KILL_GRACE_MS, () => program.kill("SIGKILL"));
  };
  const cancelDeadline = clock.after(options.timeoutMs, stop);
  const forget = onAbort(options.signal, stop);
  try {
    const end = await program.ended;
    // A process that left the session may still hold the pipes: what it says is not waited for.
    await endsWithin(clock, DRAIN_MS, Promise.all([stdout.done, stderr.done]));
    return {
      code: end.code,
      isTimedOut,
      stdout: stdout.take(),
      stderr: stderr.take(),
      isTruncated: stdout.isTruncated || stderr.isTruncated,
    };
  } finally {
    cancelDeadline();
    cancelGrace();
    program.closeInput();
    forget();
  }
}

class BoundedOutput {
  readonly done: Promise<void>;
  isTruncated = false;
  readonly #chunks: Uint8Array[] = [];
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #room: number;

  constructor(stream: ReadableStream<Uint8Array>, maxBytes: number) {
    this.#room = maxBytes;
    this.#reader = stream.getReader();
    this.done = this.#read();
    this.done.catch(() => {}); // reported to whoever awaits it; here only that it is never unhandled
  }

  /** What arrived so far; reading stops. */
  take(): Uint8Array {
    this.#reader.cancel().catch(() => {}); // it may have failed already; nothing more is wanted of it
    const size = this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const whole = new Uint8Array(size);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  async #read(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      const kept = value.subarray(0, this.#room);
      if (kept.length < value.length) this.isTruncated = true;
      this.#room -= kept.length;
      if (kept.length > 0) this.#chunks.push(kept.slice());
    }
  }
}
