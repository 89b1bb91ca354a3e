import { RuntimeError } from "../core/errors.ts";
import { fileReason } from "./files/file_reason.ts";

/** A reader that takes nothing for this long is not waited for. */
const STUCK_MS = 2000;
const PAUSE_MS = 5;

/** Writes some of the bytes, and tells how many. */
export type WriteSync = (fd: 1 | 2, bytes: Uint8Array) => number;

/**
 * Writes synchronously, so that nothing is lost when the process ends right after. What nobody can be
 * shown any more is dropped: the reader has left, the terminal is gone, or nothing is taken for two seconds.
 *
 * @param writeSync Writes as the runtime does.
 * @throws {RuntimeError} `runtime.output`: a file behind it cannot be written, for example on a full disk.
 */
export function writeWhole(writeSync: WriteSync, fd: 1 | 2, text: string): void {
  let bytes = new TextEncoder().encode(text);
  let stuckSince: number | undefined;
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
      stuckSince = undefined;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE" || code === "EIO") return; // `| head`, or a terminal that was closed
      if (code !== "EAGAIN") throw failure(fd, error);
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

function failure(fd: number, cause: unknown): RuntimeError {
  const name = fd === 2 ? "standard error" : "standard output";
  return new RuntimeError("runtime.output", `Cannot write to ${name}: ${fileReason(cause)}`, {
    cause,
    retry: "never",
  });
}
