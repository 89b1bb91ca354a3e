import assert from "node:assert/strict";
import { CallLimits, limitClock, type WaitingCall } from "../../../lib/runtime/call_limits.ts";
import type { Clock } from "../../../lib/runtime/clock.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { test } from "../../support/test.ts";

/** Limits on a clock that counts the timers that were made. */
function rig(): {
  clock: FakeClock;
  limits: CallLimits<WaitingCall>;
  late: string[];
  begin: (name: string, limitMs: number) => () => void;
  timers: () => number;
  counted: Clock;
} {
  const clock = new FakeClock();
  let timers = 0;
  const counted: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, callback) => {
      timers++;
      return clock.after(delayMs, callback);
    },
  };
  const limits = new CallLimits<WaitingCall>(counted);
  const late: string[] = [];
  const begin = (name: string, limitMs: number): () => void => {
    const call = { dueAtMs: clock.monotonic() + limitMs, onDue: () => void late.push(name) };
    limits.begin(call);
    return () => limits.end(call);
  };
  return { clock, limits, late, begin, timers: () => timers, counted };
}

test("CallLimits tells each call that is late, once, in its own time", async () => {
  const { clock, late, begin } = rig();
  begin("long", 5000);
  begin("short", 1000);
  await clock.advance(999);
  assert.deepEqual(late, []);
  await clock.advance(1);
  assert.deepEqual(late, ["short"]);
  begin("later", 3000);
  await clock.advance(2999);
  assert.deepEqual(late, ["short"]);
  await clock.advance(1);
  assert.deepEqual(late, ["short", "later"]);
  await clock.advance(60_000);
  assert.deepEqual(late, ["short", "later", "long"]);
});

test("CallLimits tells no call that was answered, and times the next ones all the same", async () => {
  const { clock, late, begin } = rig();
  for (let call = 0; call < 10; call++) {
    const end = begin(`answered ${call}`, 5000);
    await clock.advance(800);
    end();
  }
  assert.deepEqual(late, []);
  begin("silent", 5000);
  await clock.advance(4999);
  assert.deepEqual(late, []);
  await clock.advance(1);
  assert.deepEqual(late, ["silent"]);
});

test("CallLimits makes one timer for many calls, and none when nobody waits", async () => {
  const { clock, begin, timers } = rig();
  for (let call = 0; call < 1000; call++) begin("answered", 5000)();
  assert.equal(timers(), 1);
  await clock.advance(60_000);
  assert.equal(timers(), 1);
});

test("CallLimits that was stopped tells nothing", async () => {
  const { clock, limits, late, begin } = rig();
  begin("given up", 1000);
  limits.stop();
  await clock.advance(60_000);
  assert.deepEqual(late, []);
});

test("limitClock() strikes when a limit is over, makes one timer for many, and lets go of it", async () => {
  const { clock, timers, counted } = rig();
  const limits = limitClock(counted);
  const late: number[] = [];
  for (let call = 0; call < 100; call++) {
    limits.after(60_000, () => late.push(-1))();
    await clock.advance(10);
  }
  assert.equal(timers(), 1);
  limits.after(500, () => late.push(limits.monotonic()));
  await clock.advance(1000);
  assert.deepEqual(late, [1500]);
  limits.after(500, () => late.push(-2));
  limits.stop();
  await clock.advance(120_000);
  assert.deepEqual(late, [1500]);
});
