import assert from "node:assert/strict";
import { TaskTimer } from "../../../lib/daemon/task_timer.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { test } from "../../support/test.ts";

const timer = (random = 0): TaskTimer => new TaskTimer(60_000, 10_000, () => random);

test("TaskTimer is due at once, and after a success again after its interval", () => {
  const task = timer();
  assert.ok(task.isDue(0));
  task.succeeded(1000);
  assert.deepEqual([task.dueAtMs, task.isDue(60_999), task.isDue(61_000)], [61_000, false, true]);
});

test("TaskTimer waits longer after each failure up to its limit, and starts over after a success", () => {
  const task = timer();
  const waits = (): number[] => [0, 0, 0, 0, 0].map(() => task.failed(0, "later"));
  assert.deepEqual(waits(), [1500, 3000, 6000, 10_000, 10_000]);
  assert.equal(task.dueAtMs, 10_000);
  task.succeeded(0);
  assert.deepEqual(waits(), [1500, 3000, 6000, 10_000, 10_000]);
});

test("TaskTimer shortens waits and interval by jitter, and lengthens what the server asks for", () => {
  const task = timer(0.5);
  assert.equal(task.failed(0, "later"), 1125);
  assert.equal(task.failed(0, { afterMs: 100_000 }), 105_000);
  task.succeeded(0);
  assert.equal(task.dueAtMs, 57_000);
});

test("TaskTimer never waits longer than its limit and its interval allow", () => {
  const next = seededRandom(11);
  const task = new TaskTimer(5000, 5000, next);
  for (let round = 0; round < 1000; round++) {
    if (next() < 0.2) task.succeeded(0);
    else task.failed(0, "later");
    assert.ok(task.dueAtMs > 0 && task.dueAtMs <= 5000, `${task.dueAtMs} ms`);
  }
});

test("TaskTimer is postponed, never brought forward, until it is hurried", () => {
  const task = timer();
  task.postpone(500);
  task.postpone(300);
  assert.equal(task.dueAtMs, 500);
  task.hurry();
  assert.ok(task.isDue(0));
});

test("TaskTimer waits as long as the server asks, longer or shorter than its own wait", () => {
  const task = timer();
  assert.equal(task.failed(5000, { afterMs: 3_600_000 }), 3_600_000);
  assert.equal(task.dueAtMs, 3_605_000);
  assert.equal(task.failed(0, { afterMs: 1000 }), 1000);
});

test("TaskTimer tries again even what can never help: a person may have mended it", () => {
  assert.equal(timer().failed(0, "never"), 1500);
});

test("TaskTimer can be hurried and laid to rest", () => {
  const task = timer();
  task.succeeded(0);
  task.hurry();
  assert.ok(task.isDue(0));
  task.rest();
  assert.equal(task.isDue(Number.MAX_SAFE_INTEGER), false);
  task.hurry();
  assert.ok(task.isDue(0));
});
