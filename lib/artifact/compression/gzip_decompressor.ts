import { createGunzip } from "node:zlib";
import type { DecompressedSink, Decompressor } from "./decompressor.ts";
import { ENGINE_CHUNK_BYTES, ZlibDecompressor } from "./zlib_decompressor.ts";

/** Reads gzip, of one or several members; `member` is the name for messages. */
export function gzipDecompressor(member: string, sink: DecompressedSink): Decompressor {
  const engine = createGunzip({ chunkSize: ENGINE_CHUNK_BYTES });
  return new ZlibDecompressor(member, { name: "gzip", engine }, sink);
}
