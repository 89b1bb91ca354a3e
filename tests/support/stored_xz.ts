/** Writes xz files that are valid but not compressed, so that no xz program is needed. */
import { Buffer } from "node:buffer";

/** Byte that stands for a dictionary of this size, a power of two in MiB. */
export function dictionaryByte(mebibytes: number): number {
  return 2 * (Math.log2(mebibytes) + 20 - 12);
}

/** What an xz file may look like. */
export interface StoredXzOptions {
  /** Size of the dictionary that the decoder must have, in MiB; a power of two. */
  readonly dictionaryMiB?: number;
  /** ID of the filter; 0x21, LZMA2, when absent. */
  readonly filter?: number;
}

/**
 * Wraps bytes into one xz stream of one block: LZMA2 without compression, no integrity check.
 *
 * @see The .xz file format 1.1.0
 */
export function storedXz(content: Uint8Array, options: StoredXzOptions = {}): Uint8Array {
  const flags = Buffer.from([0, 0]);
  const blockHeader = withSum(
    Buffer.from([
      ...[2, 0], // (2 + 1) * 4 bytes; one filter, no sizes
      ...[options.filter ?? 0x21, 1, dictionaryByte(options.dictionaryMiB ?? 1)],
      ...[0, 0, 0],
    ]),
  );
  const data = lzma2Chunks(content);
  const unpaddedBytes = blockHeader.length + data.length;
  const index = withSum(
    filled(Buffer.from([0, 1, ...variable(unpaddedBytes), ...variable(content.length)])),
  );
  const backward = Buffer.alloc(4);
  backward.writeUInt32LE(index.length / 4 - 1);
  const footer = Buffer.concat([backward, flags]);
  return new Uint8Array(Buffer.concat([
    Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
    withSum(flags),
    filled(Buffer.concat([blockHeader, data])),
    index,
    Buffer.from(sumOf(footer)),
    footer,
    Buffer.from("YZ"),
  ]));
}

function lzma2Chunks(content: Uint8Array): Buffer {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += 65536) {
    const piece = content.subarray(at, at + 65536);
    const size = piece.length - 1;
    pieces.push(Buffer.from([at === 0 ? 1 : 2, size >> 8, size & 0xff]), piece);
  }
  return Buffer.concat([...pieces, Buffer.from([0])]);
}

function variable(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 | 128);
  return [...bytes, value];
}

function filled(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - bytes.length % 4) % 4)]);
}

function withSum(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, sumOf(bytes)]);
}

/** CRC32, little-endian. Node 20 has none of its own. */
function sumOf(bytes: Uint8Array): Buffer {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let i = 0; i < 8; i++) sum = sum & 1 ? sum >>> 1 ^ 0xedb88320 : sum >>> 1;
  }
  const result = Buffer.alloc(4);
  result.writeUInt32LE((sum ^ 0xffffffff) >>> 0);
  return result;
}
