import assert from "node:assert/strict";
import { DEPLOYMENT_PHASES, type DeploymentPhase } from "../../../lib/core/deployment_phase.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import {
  type Effect,
  type LifecycleEvent,
  transition,
} from "../../../lib/deployment/lifecycle/transition.ts";
import type { DeploymentRecord } from "../../../lib/store/deployment_record.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { test } from "../../support/test.ts";

const ID = "5b1d2f3a-0000-4000-8000-00000000000f";
const OTHER = "00000000-0000-4000-8000-00000000000e";

const handoff = { bootId: "11111111-2222-4333-8444-555555555555", pid: 4711, startTime: "12345" };
const events: Record<LifecycleEvent["type"], LifecycleEvent> = {
  offered: { type: "offered", id: OTHER, artifactName: "release-3" },
  "offered-again": { type: "offered-again" },
  adopted: { type: "adopted", id: OTHER },
  begun: { type: "begun" },
  described: { type: "described", download: { totalBytes: 3 } },
  stored: { type: "stored" },
  placed: { type: "placed" },
  held: { type: "held" },
  "let-pass": { type: "let-pass" },
  cleared: { type: "cleared" },
  started: { type: "started", handoff },
  waited: { type: "waited", waitedMs: 1000 },
  announced: { type: "announced", status: "rebooting" },
  told: { type: "told", status: "installing" },
  ended: { type: "ended", outcome: { status: "failure", isAssumed: true } },
  delivering: { type: "delivering" },
  delivered: { type: "delivered" },
  withdrawn: { type: "withdrawn" },
};

function recordIn(phase: DeploymentPhase | "none"): DeploymentRecord | undefined {
  if (phase === "none") return undefined;
  const hasOutcome = phase === "outcome_recorded" || phase === "acknowledged";
  return {
    schema: 1,
    id: ID,
    artifactName: "release-2",
    phase,
    acknowledged: ["downloading"],
    ...(hasOutcome && { outcome: { status: "success" } }),
  };
}

/** Each step that exists, as `event: phase [effects]`; every other one is refused. */
const steps: Record<DeploymentPhase | "none", readonly string[]> = {
  none: ["offered: received clear-room", "adopted: handed_over"],
  received: [
    "offered: received clear-room",
    "adopted: handed_over",
    "begun: downloading tell-downloading download",
    "withdrawn: aborted discard-artifact",
    "ended: outcome_recorded discard-artifact deliver",
  ],
  downloading: [
    "offered: received clear-room",
    "offered-again: downloading take-back tell-downloading download",
    "adopted: handed_over",
    "described: downloading",
    "told: downloading",
    "stored: downloaded put-in-place",
    "withdrawn: aborted discard-artifact",
    "ended: outcome_recorded discard-artifact deliver",
  ],
  downloaded: [
    "offered: received clear-room",
    "offered-again: downloading take-back tell-downloading download",
    "adopted: handed_over",
    "placed: verified check-sub-updater ask-maps",
    "withdrawn: aborted discard-artifact",
    "ended: outcome_recorded discard-artifact deliver",
  ],
  verified: [
    "offered: received clear-room",
    "offered-again: downloading take-back tell-downloading download",
    "adopted: handed_over",
    "told: verified",
    "held: held wait-for-maps",
    "let-pass: verified tell-installing",
    "cleared: handing_over hand-over",
    "withdrawn: aborted discard-artifact",
    "ended: outcome_recorded discard-artifact deliver",
  ],
  held: [
    "offered: received clear-room",
    "offered-again: downloading take-back tell-downloading download",
    "adopted: handed_over",
    "told: held",
    "let-pass: verified tell-installing",
    "withdrawn: aborted discard-artifact",
    "ended: outcome_recorded discard-artifact deliver",
  ],
  handing_over: [
    "adopted: handed_over",
    "started: handed_over",
    "ended: outcome_recorded release-lock discard-artifact deliver",
  ],
  handed_over: [
    "adopted: handed_over",
    "waited: handed_over",
    "announced: handed_over",
    "told: handed_over",
    "ended: outcome_recorded deliver",
  ],
  outcome_recorded: [
    "delivering: outcome_recorded",
    "told: outcome_recorded",
    "delivered: acknowledged discard-artifact",
  ],
  acknowledged: [
    "offered: received clear-room",
    "adopted: handed_over",
    "told: acknowledged",
  ],
  aborted: ["offered: received clear-room", "adopted: handed_over"],
};

for (const phase of ["none", ...DEPLOYMENT_PHASES] as const) {
  test(`transition() from "${phase}" takes these steps and no other: ${steps[phase].join(", ")}`, () => {
    const taken = Object.values(events).flatMap((event) => {
      try {
        const { record, effects } = transition(recordIn(phase), event);
        return [`${event.type}: ${[record.phase, ...effects].join(" ")}`];
      } catch (error) {
        assert.ok(isMenderError(error, "store.bad-step"), String(error));
        return [];
      }
    });
    assert.deepEqual(taken.sort(), [...steps[phase]].sort());
  });
}

test("transition() keeps the facts of each event, and forgets those of another deployment", () => {
  const base = recordIn("downloading")!;
  const after = (record: DeploymentRecord, event: LifecycleEvent): DeploymentRecord =>
    transition(record, event).record;
  assert.deepEqual(after(base, events.described), { ...base, download: { totalBytes: 3 } });
  assert.deepEqual(after(base, events.told).acknowledged, ["downloading", "installing"]);
  assert.deepEqual(
    after(base, { type: "told", status: "downloading" }).acknowledged,
    ["downloading"],
  );
  const held = after({ ...base, phase: "verified" }, events.held);
  assert.equal(held.announced, "pause_before_installing");
  const told = after(held, { type: "told", status: "pause_before_installing" });
  assert.equal(told.announced, undefined);
  const heldAgain = after({ ...told, phase: "verified" }, events.held);
  assert.equal(heldAgain.announced, undefined, "it was told before");
  assert.equal(after(told, events["let-pass"]).announced, "installing");
  const over = after({ ...base, phase: "handing_over" }, events.started);
  assert.deepEqual([over.phase, over.handoff], ["handed_over", handoff]);
  assert.equal(after(over, events.waited).waitedMs, 1000);
  const announced = after(over, events.announced);
  assert.equal(announced.announced, "rebooting");
  assert.equal(after(announced, { type: "told", status: "rebooting" }).announced, undefined);
  assert.equal(after(announced, events.told).announced, "rebooting");
  const ended = after(announced, events.ended);
  assert.deepEqual([ended.announced, ended.outcome], [
    undefined,
    { status: "failure", isAssumed: true },
  ]);
  assert.equal(after(ended, events.delivering).outcome?.isAssumed, undefined);
  assert.deepEqual(after(base, events.offered), {
    schema: 1,
    id: OTHER,
    artifactName: "release-3",
    phase: "received",
    acknowledged: [],
  });
  assert.deepEqual(after(over, events.adopted), {
    schema: 1,
    id: OTHER,
    artifactName: "",
    phase: "handed_over",
    acknowledged: [],
  });
});

test("transition(): over any history a deployment is handed over once, and nothing follows its outcome", () => {
  const seed = Date.now() & 0xffffff;
  const random = seededRandom(seed);
  for (let run = 0; run < 2000; run++) {
    let record: DeploymentRecord | undefined;
    const history: string[] = [];
    let handOvers = 0;
    let isEnded = false;
    for (let step = 0; step < 40; step++) {
      const all = Object.values(events);
      const picked = all[Math.floor(random() * all.length)]!;
      // One deployment alone: another one is another history.
      const event = picked.type === "offered" || picked.type === "adopted"
        ? { ...picked, id: ID }
        : picked;
      if ((event.type === "offered" || event.type === "adopted") && record !== undefined) continue;
      let effects: readonly Effect[];
      try {
        ({ record, effects } = transition(record, event));
      } catch {
        continue;
      }
      history.push(event.type);
      const story = `seed ${seed}: ${history.join(" ")}`;
      if (effects.includes("hand-over")) handOvers++;
      assert.ok(handOvers <= 1, story);
      if (isEnded) {
        assert.ok(["outcome_recorded", "acknowledged"].includes(record.phase), story);
        assert.ok(!effects.includes("hand-over") && !effects.includes("download"), story);
      }
      isEnded ||= record.outcome !== undefined;
    }
  }
});
