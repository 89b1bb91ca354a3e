import { Buffer } from "node:buffer";
import { basename } from "node:path";
import process from "node:process";
import { isatty } from "node:tty";
import type { SelfDriver, SignalDriver } from "./drivers.ts";
import { onCrash } from "./last_words.ts";
import { openNodeTerminal } from "./terminal/node_terminal.ts";
import { textLines } from "./text_lines.ts";
import { writeWhole } from "./write_whole.ts";

/** Signals by `node:process`, on Deno and on Node. */
export const nodeSignals: SignalDriver = {
  on(signal, handler) {
    process.on(signal, handler);
    return () => process.off(signal, handler);
  },
};

/** What of this process each runtime knows in its own way. */
export type RuntimeSelf = Pick<SelfDriver, "selfCommand" | "mayReach">;

/**
 * This process, as both runtimes show it through `node:process`.
 *
 * @param runtime What each of them does in its own way.
 */
export function nodeSelf(runtime: RuntimeSelf): SelfDriver {
  return {
    ...runtime,
    pid: process.pid,
    programName: basename(process.argv[1] ?? ""),
    args: process.argv.slice(2),
    exit: (code) => process.exit(code),
    onCrash,
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
    readInput,
    inputLines,
    terminalColumns(stream) {
      return process[stream].isTTY ? process[stream].columns ?? 80 : undefined;
    },
    isInputTerminal: () => isatty(0),
    openTerminal: openNodeTerminal,
  };
}

function readInput(maxBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
  const { stdin } = process;
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const end = (settle: () => void): void => {
      signal?.removeEventListener("abort", onAbort);
      stdin.off("data", onData).off("end", onEnd).off("error", onError).destroy();
      settle();
    };
    const onData = (chunk: Uint8Array): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= maxBytes) return;
      end(() => reject(new RangeError(`Cannot read standard input: wanted ${maxBytes} bytes`)));
    };
    const onEnd = (): void => end(() => resolve(new Uint8Array(Buffer.concat(chunks))));
    const onError = (error: Error): void => end(() => reject(error));
    const onAbort = (): void => end(() => reject(signal?.reason));
    if (signal?.aborted) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    stdin.on("data", onData).on("end", onEnd).on("error", onError);
  });
}

async function* inputLines(signal: AbortSignal): AsyncGenerator<string, void> {
  const { stdin } = process;
  const stop = (): void => void stdin.destroy();
  if (signal.aborted) return;
  signal.addEventListener("abort", stop, { once: true });
  try {
    yield* textLines(stdin);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}
