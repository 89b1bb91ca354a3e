import assert from "node:assert/strict";
import { DEPLOYMENT_PHASES, type DeploymentPhase } from "../../../lib/core/deployment_phase.ts";
import { decideFound } from "../../../lib/deployment/found_at_start.ts";
import type { DeploymentRecord } from "../../../lib/store/deployment_record.ts";
import type { LockState } from "../../../lib/store/lock_file.ts";
import { test } from "../../support/test.ts";

const ID = "5b1d2f3a-0000-4000-8000-00000000000f";
const OTHER = "00000000-0000-4000-8000-00000000000e";

const locks = {
  none: { kind: "none" },
  same: { kind: "held", deploymentId: ID },
  other: { kind: "held", deploymentId: OTHER },
  unreadable: { kind: "unreadable", why: "Cannot find a deployment ID" },
} as const satisfies Record<string, LockState>;
type LockName = keyof typeof locks;

function recordIn(phase: DeploymentPhase | "no record"): DeploymentRecord | undefined {
  if (phase === "no record") return undefined;
  const hasOutcome = phase === "outcome_recorded" || phase === "acknowledged";
  return {
    schema: 1,
    id: ID,
    artifactName: "release-2",
    phase,
    acknowledged: [],
    ...(hasOutcome && { outcome: { status: "failure" } }),
  };
}

const noLimit = { waitedMs: 1e12, waitLimitMs: 0, isTidy: true };

/**
 * What to do, for each record and lock. One word where neither the proof of the start nor a running
 * program matters; else four, for: neither, running, proof, both.
 */
const before: Record<LockName, string> = {
  none: "poll",
  // Only another client can have written this lock: what it started must not be started again.
  same: "adopt",
  other: "adopt",
  unreadable: "wait",
};
const table: Record<DeploymentPhase | "no record", Record<LockName, string>> = {
  "no record": { none: "poll", same: "adopt", other: "adopt", unreadable: "wait" },
  received: before,
  downloading: before,
  downloaded: before,
  verified: before,
  held: before,
  aborted: before,
  handing_over: {
    none: "start start note-start note-start",
    same: "start start note-start note-start",
    other: "adopt",
    unreadable: "wait",
  },
  handed_over: { none: "fail wait fail wait", same: "wait", other: "adopt", unreadable: "wait" },
  outcome_recorded: { none: "deliver", same: "deliver", other: "deliver", unreadable: "deliver" },
  acknowledged: {
    none: "poll",
    same: "release wait release wait",
    other: "adopt",
    unreadable: "wait",
  },
};

for (const phase of ["no record", ...DEPLOYMENT_PHASES] as const) {
  for (const [name, lock] of Object.entries(locks) as [LockName, LockState][]) {
    const words = table[phase][name].split(" ");
    [[false, false], [false, true], [true, false], [true, true]].forEach((row, at) => {
      const [isStartProven = false, isRunning = false] = row;
      const expected = words[words.length === 1 ? 0 : at];
      const facts = `${isStartProven ? "" : "no "}proof, ${isRunning ? "" : "not "}running`;
      test(`decideFound() of ${phase}, lock ${name}, ${facts}: ${expected}`, () => {
        const step = decideFound({
          record: recordIn(phase),
          lock,
          isStartProven,
          couldNotRun: false,
          isRunning,
          ...noLimit,
        });
        assert.equal(step.do, expected);
        if (step.do === "adopt") {
          assert.equal(step.deploymentId, name === "other" ? OTHER : ID);
        }
        if (step.do === "fail") assert.equal(step.why, "The sub-updater ended without a report");
      });
    });
  }
}

const plain = {
  lock: locks.same,
  isStartProven: true,
  couldNotRun: false,
  isRunning: false,
  ...noLimit,
};

test("decideFound() fails a deployment whose sub-updater could not be run, lock or no lock", () => {
  for (const lock of [locks.same, locks.none]) {
    const found = { ...plain, lock, record: recordIn("handed_over"), couldNotRun: true };
    assert.deepEqual(decideFound(found), { do: "fail", why: "The sub-updater could not be run" });
  }
});

const limits: [waitedMs: number, waitLimitMs: number, isRunning: boolean, expected: string][] = [
  [86_399_999, 86_400_000, false, "wait"],
  [86_400_000, 86_400_000, false, "fail"],
  [86_400_000, 86_400_000, true, "wait"],
  [1e15, 0, false, "wait"],
];
for (const [waitedMs, waitLimitMs, isRunning, expected] of limits) {
  const what = `${waitedMs} of ${waitLimitMs} ms, ${isRunning ? "" : "not "}running`;
  test(`decideFound() of a sub-updater that is waited for, ${what}: ${expected}`, () => {
    const found = { ...plain, record: recordIn("handed_over"), waitedMs, waitLimitMs, isRunning };
    const step = decideFound(found);
    assert.equal(step.do, expected);
    if (step.do === "fail") assert.match(step.why, /has not reported within 86400 s/);
  });
}

for (const phase of DEPLOYMENT_PHASES) {
  const isOver = phase === "acknowledged" || phase === "aborted";
  test(`decideFound() of ${phase} ${isOver ? "tidies" : "leaves"} what is left of it`, () => {
    for (const lock of [locks.none, locks.same]) {
      const untidy = { ...plain, lock, record: recordIn(phase), isTidy: false };
      // A lock beside an aborted one is another client's: what it has stands.
      const isOurs = phase === "acknowledged" || lock === locks.none;
      assert.equal(decideFound(untidy).do === "tidy", isOver && isOurs, lock.kind);
    }
  });
}

test("decideFound() announces what the sub-updater wants to be known, until there is an outcome", () => {
  const record: DeploymentRecord = { ...recordIn("handed_over")!, announced: "rebooting" };
  for (const isRunning of [true, false]) {
    assert.deepEqual(decideFound({ ...plain, record, isRunning }), {
      do: "announce",
      status: "rebooting",
    });
  }
  const late: DeploymentRecord = { ...recordIn("outcome_recorded")!, announced: "rebooting" };
  assert.equal(decideFound({ ...plain, record: late }).do, "deliver");
  assert.equal(decideFound({ ...plain, lock: locks.none, record }).do, "fail");
});

test("decideFound() says why an unreadable lock holds everything up", () => {
  const found = decideFound({ ...plain, lock: locks.unreadable, record: undefined });
  assert.deepEqual(found, { do: "wait", why: "Cannot find a deployment ID" });
});

const applications: [
  name: string,
  application: { canResume: boolean } | undefined,
  isRunning: boolean,
  isLocked: boolean,
  expected: string,
][] = [
  ["that is at work", { canResume: true }, true, true, "wait"],
  ["that was interrupted, and can go on", { canResume: true }, false, true, "resume"],
  ["that was interrupted, and cannot go on", { canResume: false }, false, true, "fail"],
  ["whose lock somebody has removed", { canResume: true }, false, false, "fail"],
  ["of another program: its report is waited for", undefined, false, true, "wait"],
];
for (const [name, application, isRunning, isLocked, expected] of applications) {
  test(`decideFound() of a deployment with an application ${name}: ${expected}`, () => {
    const lock = isLocked ? locks.same : locks.none;
    const found = { ...plain, lock, record: recordIn("handed_over"), isRunning, application };
    assert.equal(decideFound(found).do, expected);
  });
}
