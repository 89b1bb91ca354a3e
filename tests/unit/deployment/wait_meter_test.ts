import assert from "node:assert/strict";
import { WaitMeter } from "../../../lib/deployment/wait_meter.ts";
import type { DeploymentRecord } from "../../../lib/store/deployment_record.ts";
import { test } from "../../support/test.ts";

const record: DeploymentRecord = {
  schema: 1,
  id: "0f",
  artifactName: "release-2",
  phase: "handed_over",
  acknowledged: [],
};

test("WaitMeter adds up the time between looks, from what earlier boots have stored", () => {
  const meter = new WaitMeter(86_400_000);
  assert.equal(meter.look({ ...record, waitedMs: 5000 }, 777_000), 5000);
  assert.equal(meter.look({ ...record, waitedMs: 5000 }, 778_000), 6000);
  assert.equal(meter.look({ ...record, waitedMs: 5000 }, 779_500), 7500);
});

test("WaitMeter counts no time that nobody observed", () => {
  const meter = new WaitMeter(86_400_000);
  meter.look(record, 0);
  assert.equal(meter.look(record, 3_600_000), 60_000);
  assert.equal(meter.look(record, 3_599_000), 60_000);
});

test("WaitMeter begins anew with another deployment, and when none is waited for", () => {
  const meter = new WaitMeter(86_400_000);
  meter.look(record, 0);
  assert.equal(meter.look(record, 1000), 1000);
  assert.equal(meter.look({ ...record, id: "0e" }, 2000), 0);
  assert.equal(meter.look({ ...record, id: "0e" }, 3000), 1000);
  assert.equal(meter.look({ ...record, phase: "outcome_recorded" }, 4000), 0);
  assert.equal(meter.look(undefined, 5000), 0);
});

const stored: [limitMs: number, stepMs: number][] = [[86_400_000, 600_000], [60_000, 1000], [
  6_000_000,
  60_000,
]];
for (const [limitMs, stepMs] of stored) {
  test(`WaitMeter with a limit of ${limitMs / 1000} s finds ${stepMs / 1000} s worth storing`, () => {
    const meter = new WaitMeter(limitMs);
    meter.look(record, 0);
    let now = 0;
    while (now + 500 < stepMs) {
      meter.look(record, now += 500);
      assert.equal(meter.isWorthStoring(record), false, `${now}`);
    }
    meter.look(record, now += 500);
    assert.equal(meter.isWorthStoring(record), true);
  });
}

test("WaitMeter without a limit stores nothing", () => {
  const meter = new WaitMeter(0);
  meter.look(record, 0);
  meter.look(record, 50_000);
  assert.equal(meter.isWorthStoring(record), false);
});
