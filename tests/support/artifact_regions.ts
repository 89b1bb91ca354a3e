import { Buffer } from "node:buffer";

const BLOCK_BYTES = 512;

/**
 * Names the kind of a byte of an Artifact that may change without any effect on what is read, or gives
 * nothing for a byte that must be checked.
 *
 * There are two kinds. The checksum field of a tar header has filling around its digits. The compressed
 * form of the payload is free: what counts is the content, whose checksum is compared, so that times in
 * a gzip header, unused bits, or another way to write the same content change nothing.
 */
export function uncheckedRegion(artifact: Uint8Array, at: number): string | undefined {
  const text = Buffer.from(artifact.buffer, artifact.byteOffset, artifact.length);
  const block = at - at % BLOCK_BYTES;
  const isHeader = text.toString("latin1", block + 257, block + 262) === "ustar";
  if (isHeader && at >= block + 148 && at < block + 156) return "the filling of a tar checksum";
  const header = text.indexOf("data/0000.tar.");
  if (header < 0 || header % BLOCK_BYTES !== 0) return undefined;
  const name = text.toString("latin1", header, text.indexOf(0, header));
  const sizeBytes = Number.parseInt(text.toString("latin1", header + 124, header + 135), 8);
  const start = header + BLOCK_BYTES;
  if (at < start || at >= start + sizeBytes) return undefined;
  return `the compressed form of ${name}`;
}
