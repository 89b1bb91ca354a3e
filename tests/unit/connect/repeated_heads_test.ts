import { strict as assert } from "node:assert";
import {
  decodeFrame,
  encodeFrame,
  forwardFrame,
  type Frame,
  FrameHead,
  type FrameInit,
  FrameReader,
  int64,
  shellFrame,
  type WireValue,
  writeMsgpack,
} from "../../../lib/connect/protocol/internal.ts";
import { messageOf } from "../../../lib/core/errors.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { test } from "../../support/test.ts";

const LENGTHS = [0, 1, 2, 31, 127, 128, 255, 256, 4096, 0xffff, 0x10000];

/** Frames that differ, the one or the other way. */
const HEADS: readonly FrameInit[] = [
  shellFrame("shell", "a"),
  shellFrame("shell", "b"),
  shellFrame("stop", "a"),
  forwardFrame("forward", "a", "c"),
  forwardFrame("ack", "a", "c"),
  { protocol: 2, type: "file_chunk", sessionId: "a", properties: { offset: int64(7) } },
  { protocol: 1, type: "shell", sessionId: "a", properties: { body: "\u00c4\u00c5" } },
  { protocol: 0xffff },
];

function ofLength(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at * 31);
}

test("FrameHead and a body are the message that encodeFrame() makes", () => {
  for (const frame of HEADS) {
    const head = new FrameHead(frame);
    for (const length of [...LENGTHS, ...LENGTHS.toReversed()]) {
      const body = ofLength(length);
      const message = Uint8Array.of(...head.before(length).subarray(), ...body);
      assert.deepEqual(message, encodeFrame({ ...frame, body }), `${frame.type}, ${length}`);
    }
  }
});

test("FrameReader reads what decodeFrame() reads, whatever came before", () => {
  const random = seededRandom(5);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const messages = HEADS.flatMap((frame) =>
    LENGTHS.map((length) => encodeFrame({ ...frame, body: ofLength(length) }))
  );
  const reader = new FrameReader();
  let repeated = 0;
  let last: ReadonlyMap<string, WireValue> | undefined;
  for (let round = 0; round < 20_000; round++) {
    // Every third is like the one before; every fourth has one byte changed, or is cut.
    const message = Uint8Array.from(pick(messages));
    if (random() < 0.25) {
      message[Math.floor(random() * Math.min(message.length, 200))]! ^= 1 + random() * 255;
    }
    const given = random() < 0.1
      ? message.subarray(0, Math.floor(random() * message.length))
      : message;
    const seen = outcome(() => reader.read(given));
    assert.deepEqual(seen, outcome(() => decodeFrame(given)));
    if (seen.frame === undefined) continue;
    if (seen.frame.properties === last) repeated++;
    last = seen.frame.properties;
  }
  assert.ok(repeated > 0, "nothing was ever remembered");
});

test("FrameReader gives out the body of each message, and keeps none of them", () => {
  const reader = new FrameReader();
  for (const text of ["a", "bc", "", "a"]) {
    const message = encodeFrame({ ...shellFrame("shell", "a"), body: text });
    const { body } = reader.read(message);
    message.fill(0x7a, message.length - text.length);
    assert.equal(new TextDecoder().decode(body), "z".repeat(text.length));
  }
});

test("FrameReader takes no text, and no body that is not the last part, for what it knows", () => {
  const reader = new FrameReader();
  const header = new Map<string, WireValue>([["proto", 3]]);
  const parts = (body: WireValue, more: [string, WireValue][] = []): Uint8Array =>
    writeMsgpack(new Map<string, WireValue>([["hdr", header], ["body", body], ...more]));
  const messages = [
    parts(Uint8Array.of(1)),
    parts("text"),
    parts(Uint8Array.of(2)),
    parts(Uint8Array.of(3), [["more", null]]),
    parts(null),
    writeMsgpack(new Map<string, WireValue>([["body", Uint8Array.of(4)], ["hdr", header]])),
    Uint8Array.of(...parts(Uint8Array.of(5)), 0),
  ];
  for (const message of [...messages, ...messages.toReversed()]) {
    assert.deepEqual(outcome(() => reader.read(message)), outcome(() => decodeFrame(message)));
  }
});

function outcome(read: () => Frame): { frame?: Frame; error?: string } {
  try {
    return { frame: read() };
  } catch (error) {
    return { error: messageOf(error) };
  }
}
