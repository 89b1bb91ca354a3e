import assert from "node:assert/strict";
import process from "node:process";
import type { ClientEvent } from "../../../lib/daemon/client_event.ts";
import { ClientEvents } from "../../../lib/daemon/client_events.ts";
import { collectGarbage } from "../../support/collect_garbage.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { test } from "../../support/test.ts";

const deploymentId = "a1";
const progress = (receivedBytes: number): ClientEvent => ({
  type: "progress",
  deploymentId,
  receivedBytes,
  totalBytes: 100,
});

async function rest(events: AsyncIterable<ClientEvent>): Promise<ClientEvent[]> {
  const all: ClientEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

test("ClientEvents tells numbers of a download twice a second at most, and the last ones always", async () => {
  const clock = new FakeClock();
  const events = new ClientEvents(clock);
  const reader = events.subscribe();
  for (let bytes = 1; bytes <= 100; bytes++) {
    events.take(progress(bytes));
    await clock.advance(20);
  }
  // Whoever asks is told the numbers of this moment.
  events.take(progress(99));
  assert.equal(events.deployment?.receivedBytes, 99);
  events.end();
  const numbers = (await rest(reader)).map((event) =>
    event.type === "progress" ? event.receivedBytes : 0
  );
  assert.deepEqual(numbers, [1, 26, 51, 76, 100]);
});

test("ClientEvents keeps a bounded number of events for a reader that reads nothing", async () => {
  const events = new ClientEvents(new FakeClock());
  const [idle, lively] = [events.subscribe(), events.subscribe()];
  let seen = 0;
  const heapBefore = await heapBytes();
  for (let n = 0; n < 200_000; n++) {
    events.take({
      type: "failure",
      what: "poll",
      code: "x.y",
      message: `${n}`,
      nextAttemptSeconds: 1,
    });
    if ((await lively.next()).done !== true) seen++;
  }
  const grownBytes = await heapBytes() - heapBefore;
  assert.equal(seen, 200_000); // the other one held up nobody
  assert.ok(grownBytes < 4 << 20, `${grownBytes} bytes more`);
  events.end();
  const all = await rest(idle);
  assert.deepEqual(all[0], { type: "lost", count: 200_000 - 256 });
  assert.equal(all.length, 257);
  assert.deepEqual(await rest(lively), []);
});

async function heapBytes(): Promise<number> {
  await collectGarbage();
  return process.memoryUsage().heapUsed;
}
