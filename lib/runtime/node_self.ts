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

/** Writes synchronously, so that nothing is lost when the process ends right after. */
function writeWhole(fd: number, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE") return; // the reader has left (`| head`): nobody wants the rest
      if (code !== "EAGAIN") throw error;
    }
  }
}
