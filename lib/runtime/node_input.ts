import { Buffer } from "node:buffer";
import process from "node:process";
import { onAbort } from "./on_abort.ts";
import { textLines } from "./text_lines.ts";

/** Reads standard input to its end, on both runtimes; see `SelfDriver.readInput`. */
export function readInput(maxBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
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

/** Lines of standard input as they come, on both runtimes; see `SelfDriver.inputLines`. */
export async function* inputLines(signal: AbortSignal): AsyncGenerator<string, void> {
  const { stdin } = process;
  const stop = (): void => void stdin.destroy();
  if (signal.aborted) return;
  const forget = onAbort(signal, stop);
  try {
    yield* textLines(stdin);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    forget();
    stop();
  }
}
