import { writeSync } from "node:fs";
import process from "node:process";
import type { SelfDriver, SignalDriver } from "./drivers.ts";

/** Signals by `node:process`, on Deno and on Node. */
export const nodeSignals: SignalDriver = {
  on(signal, handler) {
    process.on(signal, handler);
    return () => process.off(signal, handler);
  },
};

/**
 * This process, as both runtimes show it through `node:process`.
 *
 * @param selfCommand How this runtime runs one of our modules in a new process.
 */
export function nodeSelf(selfCommand: SelfDriver["selfCommand"]): SelfDriver {
  return {
    pid: process.pid,
    args: process.argv.slice(2),
    exit: (code) => process.exit(code),
    get uid() {
      return process.getuid?.() ?? 0;
    },
    env(name) {
      try {
        return process.env[name];
      } catch {
        return undefined; // Deno throws where the variable is not permitted: it does not exist for us
      }
    },
    writeOut: (text) => writeWhole(1, text),
    writeError: (text) => writeWhole(2, text),
    terminalColumns(stream) {
      return process[stream].isTTY ? process[stream].columns ?? 80 : undefined;
    },
    selfCommand,
  };
}

/** A reader that takes nothing for this long is not waited for. */
const STUCK_MS = 2000;
const PAUSE_MS = 5;

/**
 * Writes synchronously, so that nothing is lost when the process ends right after. What nobody can be
 * shown any more is dropped: the reader has left, the terminal is gone, or nothing is taken for two seconds.
 */
function writeWhole(fd: number, text: string): void {
  let bytes = new TextEncoder().encode(text);
  let stuckSince: number | undefined;
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
      stuckSince = undefined;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE" || code === "EIO") return; // `| head`, or a terminal that was closed
      if (code !== "EAGAIN") throw error;
      stuckSince ??= performance.now();
      if (performance.now() - stuckSince > STUCK_MS) return;
      pause();
    }
  }
}

/** Leaves the processor to others for an instant, without giving way to anything of this program. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}
