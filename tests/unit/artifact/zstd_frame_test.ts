import { Buffer } from "node:buffer";
import { strict as assert } from "node:assert";
import { test } from "../../support/test.ts";
import { ZstdFrame } from "../../../lib/artifact/compression/zstd_frame.ts";

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
/** A raw block of three bytes, a repeated byte, and a last compressed block whose content is not looked at. */
const BLOCKS = [...block(3, 0, false), 1, 2, 3, ...block(9999, 1, false), 7];
const LAST = [...block(2, 2, true), 8, 9];

function block(sizeBytes: number, type: number, isLast: boolean): number[] {
  const header = sizeBytes << 3 | type << 1 | (isLast ? 1 : 0);
  return [header & 0xff, header >> 8 & 0xff, header >> 16];
}

function follow(bytes: readonly number[], chunkBytes = bytes.length) {
  const frame = new ZstdFrame("data/0000.tar.zst", true);
  let taken = 0;
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    taken += frame.follow(Buffer.from(bytes.slice(at, at + chunkBytes)));
  }
  return { isComplete: frame.isComplete, taken };
}

const FRAMES: [name: string, bytes: number[]][] = [
  ["a window", [...MAGIC, 0, 0x58, ...BLOCKS, ...LAST]],
  ["a window of 64 MiB", [...MAGIC, 0, 16 << 3, ...LAST]],
  ["a checksum", [...MAGIC, 0b100, 0x58, ...BLOCKS, ...LAST, 1, 2, 3, 4]],
  ["one segment, size in one byte", [...MAGIC, 0b100000, 5, ...LAST]],
  ["one segment, size in two bytes", [...MAGIC, 0b1100000, 5, 5, ...LAST]],
  ["one segment, size in four bytes", [...MAGIC, 0b10100000, 0, 0, 0, 4, ...LAST]],
  ["one segment, size in eight bytes", [...MAGIC, 0b11100000, 5, 0, 0, 0, 0, 0, 0, 0, ...LAST]],
  ["a window, size in eight bytes", [...MAGIC, 0b11000000, 0x58, ...Array(8).fill(255), ...LAST]],
];

for (const [name, bytes] of FRAMES) {
  test(`ZstdFrame follows a frame with ${name} to its end, wherever chunks end`, () => {
    const whole = { isComplete: true, taken: bytes.length };
    for (const tail of [[], [0], bytes]) {
      for (const chunkBytes of [bytes.length, 5, 1]) {
        assert.deepEqual(follow([...bytes, ...tail], chunkBytes), whole);
      }
    }
    for (let at = 0; at < bytes.length; at++) {
      assert.deepEqual(follow(bytes.slice(0, at)), { isComplete: false, taken: at });
    }
  });
}

test("ZstdFrame tells what is no frame behind another one by its first wrong byte", () => {
  for (const [isFirst, code] of [[true, "bad-compression"], [false, "trailing-data"]] as const) {
    for (const bytes of [[0], [0x28, 0xb5, 0]]) {
      const frame = new ZstdFrame("data/0000.tar.zst", isFirst);
      assert.throws(() => frame.follow(Buffer.from(bytes)), { code: `artifact.${code}` });
    }
  }
});

const REFUSED: [name: string, code: string, bytes: number[]][] = [
  ["another magic number", "bad-compression", [0x28, 0xb5, 0x2f, 0xfc, 0, 0x58, ...LAST]],
  ["a skippable frame", "bad-compression", [0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0]],
  ["a reserved bit", "bad-compression", [...MAGIC, 0b1000, 0x58, ...LAST]],
  ["a dictionary", "bad-compression", [...MAGIC, 1, 0x58, 9, ...LAST]],
  ["a reserved block", "bad-compression", [...MAGIC, 0, 0x58, ...block(1, 3, true), 0]],
  ["a window above 64 MiB", "too-large", [...MAGIC, 0, 16 << 3 | 1, ...LAST]],
  ["the largest window", "too-large", [...MAGIC, 0, 0xff, ...LAST]],
  ["one segment above 64 MiB", "too-large", [...MAGIC, 0b10100000, 1, 0, 0, 4, ...LAST]],
];

for (const [name, code, bytes] of REFUSED) {
  test(`ZstdFrame refuses ${name}`, () => {
    assert.throws(() => follow(bytes), { code: `artifact.${code}` });
    assert.throws(() => follow(bytes, 1), { code: `artifact.${code}` });
  });
}
