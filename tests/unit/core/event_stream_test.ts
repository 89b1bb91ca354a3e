import assert from "node:assert/strict";
import { EventStream } from "../../../lib/core/event_stream.ts";
import { test } from "../../support/test.ts";

async function rest<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}

test("EventStream gives every reader what happens from its subscription on", async () => {
  const stream = new EventStream<number>();
  stream.push(1);
  const early = stream.subscribe();
  stream.push(2);
  const late = stream.subscribe([9]);
  stream.push(3);
  stream.end();
  assert.deepEqual(await rest(early), [2, 3]);
  assert.deepEqual(await rest(late), [9, 3]);
  assert.deepEqual(await rest(stream.subscribe([7])), [7]);
});

test("EventStream serves readers that wait, in their order", async () => {
  const stream = new EventStream<number | undefined>();
  const reader = stream.subscribe();
  const waiting = [reader.next(), reader.next(), reader.next()];
  stream.push(1);
  stream.push(undefined);
  stream.end();
  assert.deepEqual(await Promise.all(waiting), [
    { value: 1, done: false },
    { value: undefined, done: false },
    { value: undefined, done: true },
  ]);
});

test("EventStream throws the error of its end once, after everything was read", async () => {
  const stream = new EventStream<number>();
  const reader = stream.subscribe();
  stream.push(1);
  stream.end(new Error("lost"));
  assert.equal((await reader.next()).value, 1);
  await assert.rejects(reader.next(), /lost/);
  assert.equal((await reader.next()).done, true);
  const waiting = new EventStream<number>();
  const next = waiting.subscribe().next();
  waiting.end(new Error("lost"));
  await assert.rejects(next, /lost/);
});

test("EventStream forgets a reader that leaves its loop", async () => {
  const stream = new EventStream<number>();
  let left = 0;
  const reader = stream.subscribe([1], () => left++);
  for await (const event of reader) if (event === 1) break;
  await reader.return?.();
  assert.equal(left, 1);
  stream.push(2);
  assert.equal((await reader.next()).done, true);
});

test("EventStream drops the oldest events of a reader that does not keep up", async () => {
  const stream = new EventStream<number>();
  const reader = stream.subscribe();
  for (let n = 0; n < 1500; n++) stream.push(n);
  stream.end();
  const all = await rest(reader);
  assert.deepEqual([all[0], all.at(-1), all.length], [500, 1499, 1000]);
});

test("EventStream tells a reader how many events it has lost, in their place", async () => {
  const stream = new EventStream<number | string>({ maxUnread: 3, lost: (count) => `-${count}` });
  const [slow, quick] = [stream.subscribe(), stream.subscribe()];
  const seen: (number | string)[] = [];
  for (let n = 0; n < 5; n++) {
    stream.push(n);
    seen.push((await quick.next()).value);
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  assert.equal((await slow.next()).value, "-2");
  stream.push(5);
  stream.push(6);
  stream.end();
  assert.deepEqual(await rest(slow), ["-2", 4, 5, 6]);
});
