import type { ReadStream } from "node:tty";
import { InputQueue } from "./input_queue.ts";
import { type MasterDescriptors, masterDescriptors } from "./master_descriptor.ts";
import type { PtyDriver, PtyOptions, PtyProcess } from "./pty_driver.ts";

/** The parts of `@lydell/node-pty` 1.1.0 that are used, two of which are not public. */
interface NativeTerminal {
  readonly pid: number;
  readonly fd: number;
  /** `true` keeps it from closing the terminal 200 ms after the program ended, read or not. */
  _boundClose: boolean;
  /** The stream that output comes from. */
  readonly _socket: ReadStream;
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
  terminal._boundClose = true;
  descriptors.adopt(terminal.fd);
  const socket = terminal._socket;
  const input = new InputQueue((bytes) => descriptors.writeSome(terminal.fd, bytes));
  const ended = new Promise<void>((resolve) =>
    socket.once("close", () => {
      input.close();
      resolve();
    })
  );
  socket.on("error", () => socket.destroy()); // EIO: nobody holds the other side any more
  terminal.onData(options.onOutput);
  return {
    pid: terminal.pid,
    ended,
    get queuedBytes() {
      return input.size;
    },
    write: (bytes) => input.push(bytes),
    drained: (limit) => input.drained(limit),
    pause: () => terminal.pause(),
    resume: () => terminal.resume(),
    resize(columns, rows) {
      if (!socket.destroyed) terminal.resize(columns, rows);
    },
    hangUp() {
      input.close();
      socket.destroy();
    },
  };
}
