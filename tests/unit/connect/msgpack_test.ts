import { strict as assert } from "node:assert";
import { decode, encode, ExtData, ExtensionCodec } from "@msgpack/msgpack";
import { isMenderError } from "../../../lib/core/errors.ts";
import {
  readMsgpack,
  WireExtension,
  WireFloat,
  WireInteger,
  type WireValue,
  writeMsgpack,
} from "../../../lib/connect/protocol/internal.ts";
import { randomWireValue } from "../../support/random_wire_value.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { test } from "../../support/test.ts";

/** Another implementation, with time stamps left as extensions. */
const other = {
  useBigInt64: true,
  extensionCodec: new (class extends ExtensionCodec {
    override tryToEncode(value: unknown): ExtData | null {
      return value instanceof ExtData ? value : null;
    }
    override decode(data: Uint8Array, type: number): ExtData {
      return new ExtData(type, data);
    }
  })(),
};

/** What the other implementation makes of a value of ours. */
function plain(value: WireValue): unknown {
  if (value instanceof WireInteger) {
    return value.form.endsWith("64") ? value.value : Number(value.value);
  }
  if (value instanceof WireFloat) return value.value;
  if (value instanceof WireExtension) return new ExtData(value.type, value.data);
  if (typeof value === "number" && (value >= 2 ** 32 || value < -(2 ** 31))) return BigInt(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  }
  return value;
}

test("readMsgpack() gives back every value that writeMsgpack() writes, and the same bytes again", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const value = randomWireValue(seededRandom(seed));
    const bytes = writeMsgpack(value);
    const again = readMsgpack(bytes);
    assert.deepEqual(writeMsgpack(again), bytes, `seed ${seed}`);
    // An integer in its shortest form comes back as a number; everything else as it was.
    assert.deepEqual(plain(again), plain(value), `seed ${seed}`);
  }
});

test("another implementation reads what writeMsgpack() writes, and writes what readMsgpack() reads", () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const value = randomWireValue(seededRandom(seed));
    const bytes = writeMsgpack(value);
    const theirs = decode(bytes, other);
    assert.deepEqual(theirs, plain(value), `seed ${seed}`);
    assert.deepEqual(plain(readMsgpack(encode(theirs, other))), theirs, `seed ${seed}`);
  }
});

test("integers keep their form through a decoder and an encoder", () => {
  for (const form of ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]) {
    const bytes = writeMsgpack(new WireInteger(5n, form as "int64"));
    assert.deepEqual(writeMsgpack(readMsgpack(bytes)), bytes, form);
  }
  assert.throws(() => new WireInteger(256n, "uint8"), RangeError);
  assert.throws(() => writeMsgpack(2 ** 60), RangeError);
});

for (
  const [name, bytes] of [
    ["nothing", []],
    ["a cut text", [0xa5, 0x61]],
    ["a cut integer", [0xd3, 0, 0]],
    ["a byte string of 4 GiB", [0xc6, 0xff, 0xff, 0xff, 0xff]],
    ["a list of 4 billion values", [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ["a map of 4 billion values", [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ["the byte that means nothing", [0xc1]],
    ["a text that is not UTF-8", [0xa1, 0xff]],
    ["a key that is no text", [0x81, 0x01, 0x01]],
    ["the same key twice", [0x82, 0xa1, 0x61, 0x01, 0xa1, 0x61, 0x02]],
    ["a byte too many", [0x01, 0x01]],
    ["nesting without end", [...new Array(2000).fill(0x91), 0x01]],
  ] as const
) {
  test(`readMsgpack() refuses ${name}`, () => {
    assert.throws(
      () => readMsgpack(Uint8Array.from(bytes)),
      (error) => isMenderError(error, "session.bad-message"),
    );
  });
}

test("readMsgpack() survives any bytes: a value, or session.bad-message", () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const random = seededRandom(seed);
    const bytes = writeMsgpack(randomWireValue(random)).slice();
    for (let changes = 0; changes < 3 && bytes.length > 0; changes++) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    }
    const cut = random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
    try {
      readMsgpack(cut);
    } catch (error) {
      assert.ok(isMenderError(error, "session.bad-message"), `seed ${seed}: ${error}`);
    }
  }
});
