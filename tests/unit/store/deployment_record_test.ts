import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMenderError } from "../../../lib/core/errors.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import {
  type DeploymentRecord,
  DeploymentRecordFile,
} from "../../../lib/store/deployment_record.ts";
import { OutcomeFiles, type OutcomeRecord } from "../../../lib/store/outcome_file.ts";
import { faultyFiles } from "../../support/faulty_files.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();
const ID = "5b1d2f3a-0000-4000-8000-00000000000f";
const OTHER = "00000000-0000-4000-8000-00000000000e";
const BOOT = "11111111-2222-4333-8444-555555555555";

function recordIn(directory: string, drivers = files): DeploymentRecordFile {
  const logger = logRecorder();
  const outcomes = new OutcomeFiles(drivers, directory, logger);
  return new DeploymentRecordFile(drivers, join(directory, "deployment.json"), outcomes, logger);
}

const sound: DeploymentRecord = {
  schema: 1,
  id: ID,
  artifactName: "release-2",
  phase: "handed_over",
  acknowledged: [],
};
const outcome: OutcomeRecord = { status: "failure", message: "Flash is worn out" };

test("DeploymentRecordFile gives back what was stored", async () => {
  await inTemporaryDirectory((directory) => {
    const file = recordIn(directory);
    assert.equal(file.read(), undefined);
    const records: DeploymentRecord[] = [
      { ...sound, phase: "received" },
      {
        ...sound,
        phase: "downloading",
        download: { totalBytes: 3, etag: '"a"', lastModified: "x" },
      },
      { ...sound, handoff: { bootId: BOOT, pid: 4711, startTime: "12345", unit: "u" } },
      { ...sound, waitedMs: 1234, announced: "rebooting", acknowledged: ["downloading"] },
      { ...sound, phase: "outcome_recorded", outcome: { ...outcome, isAssumed: true } },
      { ...sound, phase: "acknowledged", outcome, acknowledged: ["failure"] },
    ];
    for (const record of records) {
      file.write(record);
      assert.deepEqual(recordIn(directory).read(), record);
    }
    assert.deepEqual(readdirSync(directory), ["deployment.json"]);
  });
});

const taken: [name: string, record: DeploymentRecord, isTaken: boolean][] = [
  ["downloading", { ...sound, phase: "downloading" }, false],
  ["verified", { ...sound, phase: "verified" }, false],
  ["handing_over", { ...sound, phase: "handing_over" }, true],
  ["handed_over", sound, true],
  ["an outcome that was assumed", {
    ...sound,
    phase: "outcome_recorded",
    outcome: { status: "success", isAssumed: true },
  }, true],
  ["an outcome that stands", {
    ...sound,
    phase: "outcome_recorded",
    outcome: { status: "success" },
  }, false],
  ["acknowledged", { ...sound, phase: "acknowledged", outcome: { status: "success" } }, false],
];
for (const [name, record, isTaken] of taken) {
  test(`DeploymentRecordFile in ${name} ${isTaken ? "takes" : "does not take"} what was reported`, async () => {
    await inTemporaryDirectory((directory) => {
      const outcomes = new OutcomeFiles(files, directory, logRecorder());
      recordIn(directory).write(record);
      outcomes.record(OTHER, { status: "success" });
      assert.deepEqual(recordIn(directory).read(), record);
      outcomes.record(ID, outcome);
      const expected = isTaken ? { ...record, phase: "outcome_recorded", outcome } : record;
      assert.deepEqual(recordIn(directory).read(), expected);
    });
  });
}

const corrupt: [name: string, content: string | Uint8Array][] = [
  ["nothing", ""],
  ["zeroes", new Uint8Array(300)],
  ["half of it", JSON.stringify(sound).slice(0, 60)],
  ["no JSON", "phase=received"],
  ["a list", "[]"],
  ["null", "null"],
  ["a schema to come", JSON.stringify({ ...sound, schema: 2 })],
  ["no schema", JSON.stringify({ ...sound, schema: undefined })],
  ["an ID that leads elsewhere", JSON.stringify({ ...sound, id: "../x" })],
  ["no Artifact name", JSON.stringify({ ...sound, artifactName: undefined })],
  ["an unknown phase", JSON.stringify({ ...sound, phase: "parked" })],
  ["a number as phase", JSON.stringify({ ...sound, phase: 3 })],
  ["an unknown status", JSON.stringify({ ...sound, acknowledged: ["aborted"] })],
  ["statuses that are no list", JSON.stringify({ ...sound, acknowledged: "success" })],
  ["a hand-off without a boot", JSON.stringify({ ...sound, handoff: { pid: 1 } })],
  ["a process ID of zero", JSON.stringify({ ...sound, handoff: { bootId: BOOT, pid: 0 } })],
  [
    "a process ID that was no number",
    JSON.stringify({ ...sound, handoff: { bootId: BOOT, pid: NaN } }),
  ],
  ["an outcome that is none", JSON.stringify({ ...sound, outcome: { status: "maybe" } })],
  ["an outcome phase without an outcome", JSON.stringify({ ...sound, phase: "outcome_recorded" })],
  ["an acknowledged outcome that is missing", JSON.stringify({ ...sound, phase: "acknowledged" })],
  ["far too much", JSON.stringify({ ...sound, artifactName: "x".repeat(2 << 20) })],
];
for (const [name, content] of corrupt) {
  test(`DeploymentRecordFile sets a record with ${name} aside, and counts it as absent`, async () => {
    await inTemporaryDirectory((directory) => {
      const path = join(directory, "deployment.json");
      writeFileSync(path, content);
      const logger = logRecorder();
      const outcomes = new OutcomeFiles(files, directory, logger);
      const file = new DeploymentRecordFile(files, path, outcomes, logger);
      assert.equal(file.read(), undefined);
      assert.deepEqual(readdirSync(directory), ["deployment.json.corrupt-1"]);
      assert.deepEqual(
        new Uint8Array(readFileSync(`${path}.corrupt-1`)),
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );
      assert.match(logger.lines().join("\n"), /^warning: .*deployment\.json\.corrupt-1$/);
      assert.equal(file.read(), undefined);
      assert.equal(logger.lines().length, 1);
    });
  });
}

test("DeploymentRecordFile reads a record with keys that it does not know", async () => {
  await inTemporaryDirectory((directory) => {
    writeFileSync(join(directory, "deployment.json"), JSON.stringify({ ...sound, later: true }));
    assert.deepEqual(recordIn(directory).read(), sound);
  });
});

test("DeploymentRecordFile that cannot be read or set aside says so, and changes nothing", async () => {
  await inTemporaryDirectory((directory) => {
    const path = join(directory, "deployment.json");
    writeFileSync(path, "corrupt");
    for (const call of ["handle.read", "rename"]) {
      const faulty = faultyFiles(files, (name) => name === call ? "EIO" : undefined).files;
      assert.throws(
        () => recordIn(directory, faulty).read(),
        (error) => isMenderError(error, "store.failed"),
      );
    }
    assert.deepEqual(readdirSync(directory), ["deployment.json"]);
  });
});

test("DeploymentRecordFile that cannot be written keeps the step before", async () => {
  await inTemporaryDirectory((directory) => {
    recordIn(directory).write(sound);
    const faulty = faultyFiles(files, (name) =>
      name === "handle.write" ? "ENOSPC" : undefined).files;
    assert.throws(
      () => recordIn(directory, faulty).write({ ...sound, phase: "acknowledged", outcome }),
      (error) => isMenderError(error, "store.no-space"),
    );
    assert.deepEqual(recordIn(directory).read(), sound);
  });
});

const odd: [name: string, arrange: (path: string) => void][] = [
  ["a directory", (path) => mkdirSync(path)],
  ["a link", (path) => symlinkSync("elsewhere", path)],
];
for (const [name, arrange] of odd) {
  test(`DeploymentRecordFile in whose place stands ${name} is not read`, async () => {
    await inTemporaryDirectory((directory) => {
      arrange(join(directory, "deployment.json"));
      assert.throws(() => recordIn(directory).read(), (error) => isMenderError(error, "store."));
    });
  });
}
