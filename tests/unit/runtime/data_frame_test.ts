import { strict as assert } from "node:assert";
import { dataFrame } from "../../../lib/runtime/websocket/data_frame.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { test } from "../../support/test.ts";

/** The message in a frame, read byte by byte. */
function messageOf(sent: Uint8Array): { isMasked: boolean; key: Uint8Array; message: Uint8Array } {
  const frame = Uint8Array.from(sent);
  assert.equal(frame[0], 0x82);
  const isMasked = (frame[1]! & 0x80) !== 0;
  const short = frame[1]! & 0x7f;
  const view = new DataView(frame.buffer);
  const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
  const length = lengthBytes === 0
    ? short
    : lengthBytes === 2
    ? view.getUint16(2)
    : Number(view.getBigUint64(2));
  const start = 2 + lengthBytes + (isMasked ? 4 : 0);
  assert.equal(frame.length, start + length);
  const key = isMasked ? frame.slice(start - 4, start) : new Uint8Array(4);
  const message = frame.slice(start).map((byte, at) => byte ^ key[at & 3]!);
  return { isMasked, key, message };
}

for (const isMasked of [true, false]) {
  const side = isMasked ? "a client" : "a server";

  test(`dataFrame() of ${side} holds a message of any length, in one part or two`, () => {
    const random = seededRandom(1);
    const lengths = [0, 1, 2, 3, 4, 5, 125, 126, 127, 1023, 0xffff, 0x10000, 100_001];
    for (const length of lengths) {
      const message = Uint8Array.from({ length }, () => random() * 256);
      const given = message.slice();
      const cut = Math.floor(random() * (length + 1));
      for (
        const frame of [
          dataFrame(isMasked, given),
          dataFrame(isMasked, given.subarray(0, cut), given.subarray(cut)),
        ]
      ) {
        const read = messageOf(frame);
        assert.equal(read.isMasked, isMasked);
        assert.deepEqual(read.message, message, `${length}, cut at ${cut}`);
      }
      assert.deepEqual(given, message, "what is sent is left as it is");
    }
  });
}

test("dataFrame() masks each message with a key of its own", () => {
  const keys = Array.from(
    { length: 3000 },
    () => `${messageOf(dataFrame(true, new Uint8Array(1))).key}`,
  );
  // Of 3000 keys two are alike in one of a thousand runs.
  assert.ok(new Set(keys).size > keys.length - 5);
});
