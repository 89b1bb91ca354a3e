import assert from "node:assert/strict";
import { endsWithin, sleep, startDeadline, within } from "../../../lib/runtime/clock.ts";
import { systemClock } from "../../../lib/runtime/system_clock.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { test } from "../../support/test.ts";

const late = (): Error => new Error("too late");

test("sleep() ends after its time and leaves no timer", async () => {
  const clock = new FakeClock();
  let isOver = false;
  const sleeping = sleep(clock, 1000).then(() => isOver = true);
  await clock.advance(999);
  assert.equal(isOver, false);
  await clock.advance(1);
  assert.equal(isOver, true);
  await sleeping;
  assert.equal(clock.pendingTimers, 0);
});

test("sleep() ends at once with the reason when it is aborted, before and during", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const sleeping = sleep(clock, 1000, controller.signal);
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(sleeping, reason);
  await assert.rejects(sleep(clock, 1000, controller.signal), reason);
  assert.equal(clock.pendingTimers, 0);
  assert.equal(clock.monotonic(), 0);
});

test("startDeadline() aborts at its limit with its own error", async () => {
  const clock = new FakeClock();
  const deadline = startDeadline(clock, 500, late);
  await clock.advance(499);
  assert.equal(deadline.signal.aborted, false);
  await clock.advance(1);
  assert.equal(deadline.signal.reason.message, "too late");
  assert.equal(deadline.isExpired, true);
  assert.equal(clock.pendingTimers, 0);
});

test("startDeadline() counts anew when it is restarted", async () => {
  const clock = new FakeClock();
  const deadline = startDeadline(clock, 500, late);
  for (let at = 0; at < 5; at++) {
    await clock.advance(400);
    deadline.restart();
  }
  assert.equal(clock.pendingTimers, 1);
  await clock.advance(499);
  assert.equal(deadline.isExpired, false);
  await clock.advance(1);
  assert.equal(deadline.isExpired, true);
});

test("startDeadline() passes the outer signal's reason on, which is no expiry", () => {
  const clock = new FakeClock();
  const outer = new AbortController();
  const deadline = startDeadline(clock, 500, late, outer.signal);
  const reason = new Error("stop");
  outer.abort(reason);
  assert.equal(deadline.signal.reason, reason);
  assert.equal(deadline.isExpired, false);
  assert.equal(clock.pendingTimers, 0);
  const after = startDeadline(clock, 500, late, outer.signal);
  assert.equal(after.signal.reason, reason);
  assert.equal(clock.pendingTimers, 0);
});

test("startDeadline() that is disposed of never strikes, and lets the outer signal go", async () => {
  const clock = new FakeClock();
  const outer = new AbortController();
  const deadline = startDeadline(clock, 500, late, outer.signal);
  deadline.dispose();
  await clock.advance(1000);
  outer.abort(new Error("stop"));
  assert.equal(deadline.signal.aborted, false);
});

const ends: [
  name: string,
  end: (deadline: ReturnType<typeof startDeadline>, outer: AbortController) => void,
][] = [
  ["it was disposed of", (deadline) => deadline.dispose()],
  ["the outer signal was aborted", (_deadline, outer) => outer.abort(new Error("stop"))],
];
for (const [name, end] of ends) {
  test(`startDeadline() is not started again once ${name}`, () => {
    const clock = new FakeClock();
    const outer = new AbortController();
    const deadline = startDeadline(clock, 500, late, outer.signal);
    end(deadline, outer);
    deadline.restart();
    assert.equal(clock.pendingTimers, 0);
  });
}

test("systemClock waits in real time, cancels, and does not strike at once for a month", async () => {
  const before = systemClock.monotonic();
  await new Promise<void>((resolve) => void systemClock.after(20, resolve));
  assert.ok(systemClock.monotonic() - before >= 15);
  let struck = 0;
  const cancels = [
    systemClock.after(5, () => struck++),
    systemClock.after(31 * 86_400_000, () => struck++),
  ];
  cancels[0]?.();
  await new Promise<void>((resolve) => void systemClock.after(30, resolve));
  cancels[1]?.();
  assert.equal(struck, 0);
  assert.ok(Math.abs(systemClock.now() - Date.now()) < 1000);
});

test("within() gives what the work gives, throws what it throws, and leaves no timer", async () => {
  const clock = new FakeClock();
  assert.equal(await within(clock, 100, late, Promise.resolve("done")), "done");
  await assert.rejects(within(clock, 100, late, Promise.reject(new Error("broken"))), /broken/);
  assert.equal(clock.pendingTimers, 0);
});

test("within() throws at the limit, and hears no more of the work", async () => {
  const clock = new FakeClock();
  let fail = (_error: Error): void => {};
  const work = new Promise<never>((_, reject) => fail = reject);
  const waiting = within(clock, 100, () => new Error("late"), work);
  const rejected = assert.rejects(waiting, /late/);
  await clock.advance(100);
  await rejected;
  fail(new Error("afterwards")); // nobody has to catch it
  await clock.advance(0);
  assert.equal(clock.pendingTimers, 0);
});

test("endsWithin() tells whether the work has ended, throws what it throws, and leaves no timer", async () => {
  const clock = new FakeClock();
  assert.equal(await endsWithin(clock, 100, Promise.resolve()), true);
  await assert.rejects(endsWithin(clock, 100, Promise.reject(new Error("broken"))), /broken/);
  const waiting = endsWithin(clock, 100, new Promise(() => {}));
  await clock.advance(100);
  assert.equal(await waiting, false);
  assert.equal(clock.pendingTimers, 0);
});
