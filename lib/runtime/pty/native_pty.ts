import { setImmediate } from "node:timers";
import type { ReadStream } from "node:tty";
import { InputQueue } from "./input_queue.ts";
import { type MasterDescriptors, masterDescriptors } from "./master_descriptor.ts";
import type { PtyDriver, PtyOptions, PtyProcess } from "./pty_driver.ts";

/** A terminal whose program has ended is closed once it was found silent so often, so far apart. */
const QUIET_LOOKS = 3;
const LOOK_EVERY_MS = 20;

/** What a program that has ended may have left in the terminal at most; what comes beyond is of a background job. */
const LAST_WORDS_BYTES = 1 << 18;

/** The parts of `@lydell/node-pty` 1.1.0 that are used, some of which are not public. */
interface NativeTerminal {
  readonly pid: number;
  readonly fd: number;
  readonly ptsName: string;
  /** The stream that output comes from. */
  readonly _socket: ReadStream;
  /** `true` has the end of the program told at once, and keeps the stream from being destroyed then. */
  _emittedClose: boolean;
  onExit(listener: () => void): void;
  onData(listener: (data: Uint8Array) => void): void;
  resize(columns: number, rows: number): void;
  pause(): void;
  resume(): void;
}

interface NativeLibrary {
  spawn(file: string, args: readonly string[], options: Record<string, unknown>): NativeTerminal;
}

/**
 * Pseudo-terminals by the addon `@lydell/node-pty`. On Deno it takes `--allow-ffi` and unscoped
 * `--allow-read` and `--allow-write`; what it starts is bound by no permission.
 *
 * @returns `undefined` where there is no such addon, or it may not be loaded.
 */
export async function nativePty(): Promise<PtyDriver | undefined> {
  try {
    const library = await import("@lydell/node-pty") as unknown as NativeLibrary;
    const descriptors = masterDescriptors();
    if (descriptors === undefined) return undefined;
    return {
      kind: "native",
      start: (options) => Promise.resolve(start(library, descriptors, options)),
    };
  } catch {
    return undefined; // it is optional: `script` takes its place, and the driver's kind tells
  }
}

function start(
  library: NativeLibrary,
  descriptors: MasterDescriptors,
  options: PtyOptions,
): PtyProcess {
  const [program = "", ...args] = [...descriptors.prefix, ...options.command];
  const terminal = library.spawn(program, args, {
    cols: options.columns,
    rows: options.rows,
    cwd: options.directory,
    env: { ...options.env },
    name: options.env["TERM"],
    encoding: null,
  });
  terminal._emittedClose = true;
  descriptors.adopt(terminal.fd);
  const release = descriptors.hold(terminal.ptsName);
  const socket = terminal._socket;
  const close = (): void => void socket.destroy();
  const lastWords = new LastWords(close);
  const input = new InputQueue((bytes) => descriptors.writeSome(terminal.fd, bytes));
  const ended = new Promise<void>((resolve) =>
    socket.once("close", () => {
      lastWords.stop();
      input.close();
      release();
      resolve();
    })
  );
  socket.on("error", close); // EIO: nobody holds the other side any more
  terminal.onExit(() => lastWords.wait(socket.isPaused()));
  terminal.onData((bytes) => {
    lastWords.heard(bytes.length);
    options.onOutput(bytes);
  });
  return {
    pid: terminal.pid,
    ended,
    get queuedBytes() {
      return input.size;
    },
    write: (bytes) => input.push(bytes),
    drained: (limit) => input.drained(limit),
    pause() {
      lastWords.pause();
      terminal.pause();
    },
    resume() {
      lastWords.resume();
      terminal.resume();
    },
    resize(columns, rows) {
      if (!socket.destroyed) terminal.resize(columns, rows);
    },
    hangUp() {
      input.close();
      close();
    },
  };
}

/**
 * Finds out when a program that has ended has been read to its end: once nothing more comes. Its terminal
 * may be held by a background job.
 */
class LastWords {
  readonly #close: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWaiting = false;
  #isPaused = false;
  #bytes = 0;
  #quietLooks = 0;

  constructor(close: () => void) {
    this.#close = close;
  }

  /** The program has ended. */
  wait(isPaused: boolean): void {
    this.#isWaiting = true;
    this.#isPaused = isPaused;
    this.#lookSoon();
  }

  /** Output has come. */
  heard(bytes: number): void {
    if (!this.#isWaiting) return;
    this.#bytes += bytes;
    this.#quietLooks = 0;
    if (this.#bytes > LAST_WORDS_BYTES) this.#close();
  }

  /** Nobody reads now, so that silence means nothing. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#quietLooks = 0;
    this.#lookSoon();
  }

  stop(): void {
    this.#isWaiting = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookSoon(): void {
    if (!this.#isWaiting || this.#isPaused) return;
    this.#timer ??= setTimeout(() => {
      // Behind a timer what has come is read first: a busy program is not taken for silence.
      setImmediate(() => {
        this.#timer = undefined;
        if (!this.#isWaiting || this.#isPaused) return;
        if (++this.#quietLooks > QUIET_LOOKS) this.#close();
        else this.#lookSoon();
      });
    }, LOOK_EVERY_MS);
  }
}
