import assert from "node:assert/strict";
import { SilenceWatch } from "../../../lib/connect/silence_watch.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { test } from "../../support/test.ts";

function rig(): { clock: FakeClock; watch: SilenceWatch; told: () => number } {
  const clock = new FakeClock();
  let told = 0;
  const watch = new SilenceWatch(clock, 60_000, () => told++);
  return { clock, watch, told: () => told };
}

test("SilenceWatch tells a silence once, to the millisecond, counted from what was heard last", async () => {
  const { clock, watch, told } = rig();
  watch.heard();
  for (let sign = 0; sign < 10; sign++) {
    await clock.advance(50_000);
    watch.heard();
  }
  await clock.advance(59_999);
  assert.equal(told(), 0);
  await clock.advance(1);
  assert.equal(told(), 1);
  await clock.advance(600_000);
  assert.equal(told(), 1);
});

test("SilenceWatch begins anew with the first sign after a silence", async () => {
  const { clock, watch, told } = rig();
  watch.heard();
  await clock.advance(60_000);
  watch.heard();
  await clock.advance(59_999);
  assert.equal(told(), 1);
  await clock.advance(1);
  assert.equal(told(), 2);
});

test("SilenceWatch has one timer for a thousand signs, and none once it is stopped", async () => {
  const { clock, watch, told } = rig();
  for (let sign = 0; sign < 1000; sign++) watch.heard();
  assert.equal(clock.pendingTimers, 1);
  watch.stop();
  assert.equal(clock.pendingTimers, 0);
  await clock.advance(600_000);
  assert.equal(told(), 0);
});
