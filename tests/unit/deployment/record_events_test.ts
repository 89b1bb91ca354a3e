import assert from "node:assert/strict";
import type { DeploymentEvent } from "../../../lib/deployment/context.ts";
import { recordEvents } from "../../../lib/deployment/record_events.ts";
import type { DeploymentRecord } from "../../../lib/store/deployment_record.ts";
import { test } from "../../support/test.ts";

const record = (more: Partial<DeploymentRecord> = {}): DeploymentRecord => ({
  schema: 1,
  id: "a1",
  artifactName: "release-2",
  phase: "downloading",
  acknowledged: [],
  ...more,
});

/** What is told of records that follow each other: the phase, or the status of the outcome. */
function told(...records: DeploymentRecord[]): string[] {
  const events: DeploymentEvent[] = [];
  const take = recordEvents((event) => events.push(event));
  for (const each of records) take(each);
  return events.map((event) =>
    event.type === "phase"
      ? `${event.deploymentId} ${event.phase}`
      : event.type === "outcome"
      ? `${event.deploymentId} ${event.status}${event.isAssumed ? " (assumed)" : ""}`
      : event.type
  );
}

const failed = { status: "failure", message: "It broke" } as const;

const rows: [name: string, records: DeploymentRecord[], expected: string[]][] = [
  ["a phase once, however often it is stored", [record(), record({ download: {} })], [
    "a1 downloading",
  ]],
  ["the outcome behind its phase, once", [
    record({ phase: "outcome_recorded", outcome: failed }),
    record({ phase: "outcome_recorded", outcome: failed, acknowledged: ["failure"] }),
    record({ phase: "acknowledged", outcome: failed }),
  ], ["a1 outcome_recorded", "a1 failure", "a1 acknowledged"]],
  ["an outcome that takes the place of an assumed one", [
    record({ phase: "outcome_recorded", outcome: { ...failed, isAssumed: true } }),
    record({ phase: "outcome_recorded", outcome: { status: "success" } }),
  ], ["a1 outcome_recorded", "a1 failure (assumed)", "a1 success"]],
  ["an assumed outcome that stands is told once", [
    record({ phase: "outcome_recorded", outcome: { ...failed, isAssumed: true } }),
    record({ phase: "outcome_recorded", outcome: failed }),
  ], ["a1 outcome_recorded", "a1 failure (assumed)"]],
  ["the same phase and outcome of another deployment", [
    record({ phase: "acknowledged", outcome: failed }),
    record({ id: "b2", phase: "acknowledged", outcome: failed }),
  ], ["a1 acknowledged", "a1 failure", "b2 acknowledged", "b2 failure"]],
];
for (const [name, records, expected] of rows) {
  test(`recordEvents() tells ${name}`, () => assert.deepEqual(told(...records), expected));
}

test("recordEvents() names the Artifact where it is known", () => {
  const events: DeploymentEvent[] = [];
  const take = recordEvents((event) => events.push(event));
  take(record());
  take(record({ id: "b2", artifactName: "", phase: "handed_over" }));
  assert.deepEqual(events, [
    { type: "phase", deploymentId: "a1", phase: "downloading", artifactName: "release-2" },
    { type: "phase", deploymentId: "b2", phase: "handed_over" },
  ]);
});
