import type { Readable } from "node:stream";
import { onAbort } from "../on_abort.ts";

/**
 * The bytes of a Node stream as a Web stream, read only when they are wanted.
 *
 * The signal ends the reading by itself: a stream over a connection that was cut may stay silent, even
 * when it is told to stop.
 *
 * @param explain Turns the failure of `source` into what a reader shall see.
 */
export function bodyStream(
  source: Readable,
  signal: AbortSignal,
  explain: (error: unknown) => unknown,
): ReadableStream<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  source.on("error", () => {}); // the reader is told, or has left
  let end = (): void => {};
  return new ReadableStream<Uint8Array>({
    start(controller) {
      end = onAbort(signal, () => {
        controller.error(signal.reason);
        source.destroy();
      });
    },
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (signal.aborted) return; // told already
        if (done === true) {
          end();
          controller.close();
        } else controller.enqueue(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
      } catch (error) {
        end();
        if (!signal.aborted) controller.error(explain(error));
      }
    },
    cancel() {
      end();
      source.destroy();
    },
  }, { highWaterMark: 0 });
}
