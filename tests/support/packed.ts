import * as zlib from "node:zlib";
import { storedXz } from "./stored_xz.ts";

/** Suffixes of the compressions that can be read here; zstd is missing from older runtimes. */
export const READABLE_SUFFIXES: readonly string[] = [
  "",
  ".gz",
  ".xz",
  ...("zstdCompressSync" in zlib ? [".zst"] : []),
];

/** Compresses bytes as the suffix says. */
export function packed(bytes: Uint8Array, suffix: string): Uint8Array {
  switch (suffix) {
    case "":
      return bytes;
    case ".gz":
      return new Uint8Array(zlib.gzipSync(bytes));
    case ".xz":
      return storedXz(bytes);
    case ".zst":
      return new Uint8Array(packZstd(bytes));
    default:
      throw new RangeError(`No such compression: ${suffix}`);
  }
}

/** zstd with a checksum at its end, as Artifacts have it. */
function packZstd(bytes: Uint8Array): Uint8Array {
  const { zstdCompressSync, constants } = zlib as unknown as {
    zstdCompressSync(bytes: Uint8Array, options: { params: Record<number, number> }): Uint8Array;
    constants: { ZSTD_c_checksumFlag: number };
  };
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}
