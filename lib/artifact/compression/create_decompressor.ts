import type { Compression } from "./compression.ts";
import type { DecompressedSink, Decompressor } from "./decompressor.ts";
import { gzipDecompressor } from "./gzip_decompressor.ts";
import { XzDecompressor } from "./xz_decompressor.ts";
import { ZstdDecompressor } from "./zstd_decompressor.ts";

/**
 * Makes the decompressor of one member. Each is a stream of constant memory, and refuses what ends in
 * mid-stream (`artifact.truncated`), what goes on behind its end (`artifact.trailing-data`) and what is
 * damaged (`artifact.bad-compression`).
 *
 * @param member Name of the member, for messages.
 */
export function createDecompressor(
  compression: Compression,
  member: string,
  sink: DecompressedSink,
): Decompressor {
  switch (compression) {
    case "none":
      return { write: sink, end() {}, destroy() {} };
    case "gz":
      return gzipDecompressor(member, sink);
    case "xz":
      return new XzDecompressor(member, sink);
    case "zst":
      return new ZstdDecompressor(member, sink);
  }
}
