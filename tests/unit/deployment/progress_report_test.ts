import assert from "node:assert/strict";
import type { DeploymentEvent } from "../../../lib/deployment/context.ts";
import { ProgressReport } from "../../../lib/deployment/progress_report.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { test } from "../../support/test.ts";

const MIB = 1 << 20;

function reportOn(clock: FakeClock) {
  const told: [stored: number, rate: number | undefined][] = [];
  const events: DeploymentEvent[] = [];
  const report = new ProgressReport(clock, "id", (event) => {
    events.push(event);
    if (event.type === "progress") told.push([event.receivedBytes, event.bytesPerSecond]);
  });
  return { report, told, events };
}

test("ProgressReport tells the first byte, the last one, and steps of 256 KiB", () => {
  const { report, told, events } = reportOn(new FakeClock());
  for (const stored of [0, 1, 200_000, 262_144, 300_000, 524_287, 524_288, 600_000]) {
    report.tell(stored, 600_000);
  }
  assert.deepEqual(told.map(([stored]) => stored), [0, 262_144, 524_288, 600_000]);
  assert.deepEqual(events[0], {
    type: "progress",
    deploymentId: "id",
    receivedBytes: 0,
    totalBytes: 600_000,
    bytesPerSecond: undefined,
  });
});

test("ProgressReport tells every second of a slow download", async () => {
  const clock = new FakeClock();
  const { report, told } = reportOn(clock);
  for (let second = 0; second <= 4; second += 0.5) {
    report.tell(second * 1000, undefined);
    await clock.advance(500);
  }
  assert.deepEqual(told, [[0, undefined], [1000, 1000], [2000, 1000], [3000, 1000], [4000, 1000]]);
});

test("ProgressReport gives the rate of the last ten seconds", async () => {
  const clock = new FakeClock();
  const { report, told } = reportOn(clock);
  let stored = 0;
  for (let second = 0; second < 60; second++) {
    report.tell(stored, undefined);
    stored += second < 30 ? MIB : 2 * MIB;
    await clock.advance(1000);
  }
  assert.equal(told[20]![1], MIB);
  assert.equal(told[35]![1], MIB * 3 / 2);
  assert.equal(told[59]![1], 2 * MIB);
});

test("ProgressReport begins its rate anew when the download does", async () => {
  const clock = new FakeClock();
  const { report, told } = reportOn(clock);
  report.tell(10 * MIB, 20 * MIB);
  await clock.advance(5000);
  report.tell(0, 20 * MIB);
  await clock.advance(1000);
  report.tell(MIB, 20 * MIB);
  assert.deepEqual(told, [[10 * MIB, undefined], [0, undefined], [MIB, MIB]]);
});
