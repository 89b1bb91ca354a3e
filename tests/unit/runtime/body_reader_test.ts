import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { readBody } from "../../../lib/runtime/http/body_reader.ts";
import { test } from "../../support/test.ts";

const BUFFER = 64 * 1024;
const WHOLE_AFTER = 16 * 1024 * 1024;
const PIECE = 50_000;

/** A body that comes in such pieces, numbered bytes from 0 on; then it ends, or breaks. */
function bodyOf(pieces: AsyncIterable<number>, breaks?: Error): ReadableStream<Uint8Array> {
  const sizes = pieces[Symbol.asyncIterator]();
  let sent = 0;
  return new ReadableStream<Uint8Array>({
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      const { done, value: size = 0 } = await sizes.next();
      const byob = controller.byobRequest;
      if (done) {
        if (breaks !== undefined) return controller.error(breaks);
        controller.close();
        byob?.respond(0);
        return;
      }
      const from = sent;
      controller.enqueue(Uint8Array.from({ length: size }, (_, at) => (from + at) % 251));
      sent += size;
    },
  } as unknown as UnderlyingDefaultSource<Uint8Array>);
}

async function* repeated(size: number, count: number): AsyncGenerator<number> {
  for (; count > 0; count--) yield size;
}

/** Whether this runtime can be asked for whole buffers; Node before 20.17 cannot. */
async function canFill(): Promise<boolean> {
  const reader = bodyOf(repeated(1, 2)).getReader({ mode: "byob" });
  const read = reader.read.bind(reader) as (
    view: Uint8Array,
    options: { min: number },
  ) => Promise<{ value?: Uint8Array }>;
  const { value } = await read(new Uint8Array(2), { min: 2 });
  await reader.cancel();
  return value?.length === 2;
}

test("readBody() hands a fast body on in whole buffers once it has proven long", async () => {
  const total = Math.ceil((WHOLE_AFTER + 10 * BUFFER) / PIECE) * PIECE;
  const reader = readBody(bodyOf(repeated(PIECE, total / PIECE)), BUFFER);
  const ends: number[] = [];
  let taken = 0;
  for (let piece; (piece = await reader.read()) !== undefined;) {
    for (const at of [0, piece.length - 1]) assert.equal(piece[at], (taken + at) % 251);
    taken += piece.length;
    ends.push(taken);
  }
  assert.equal(taken, total);
  const early = ends.filter((end) => end <= WHOLE_AFTER);
  assert.ok(early.some((end) => end % BUFFER !== 0), "no piece waits for the next one at first");
  const late = ends.filter((end) => end > WHOLE_AFTER + BUFFER).slice(0, -1);
  assert.ok(late.length > 5);
  if (await canFill()) assert.deepEqual(late.filter((end) => end % BUFFER !== 0), []);
});

test("readBody() hands on what has come of a body that has become slow", async () => {
  const total = Math.ceil(WHOLE_AFTER / BUFFER) * BUFFER;
  const reader = readBody(
    bodyOf(async function* () {
      yield* repeated(BUFFER, total / BUFFER);
      await delay(300); // longer than a buffer may take
      yield BUFFER;
      yield 1;
      await new Promise(() => {}); // nothing comes any more, nor does the end
    }()),
    BUFFER,
  );
  let taken = 0;
  while (taken < total + BUFFER + 1) taken += (await reader.read())!.length;
  assert.equal(taken, total + BUFFER + 1);
  reader.cancel();
});

test("readBody() rejects when a body breaks in the middle of a buffer", async () => {
  const broken = new Error("cut");
  const reader = readBody(
    bodyOf(repeated(PIECE, Math.ceil(WHOLE_AFTER / PIECE) + 1), broken),
    BUFFER,
  );
  await assert.rejects(async () => {
    while (await reader.read() !== undefined);
  }, broken);
});
