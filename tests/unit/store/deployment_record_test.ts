import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMenderError } from "../../../lib/core/errors.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import {
  type DeploymentRecord,
  DeploymentRecordFile,
} from "../../../lib/store/deployment_record.ts";
import { faultyFiles } from "../../support/faulty_files.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();
const ID = "5b1d2f3a-0000-4000-8000-00000000000f";
const BOOT = "11111111-2222-4333-8444-555555555555";

function recordIn(directory: string, drivers = files): DeploymentRecordFile {
  return new DeploymentRecordFile(drivers, join(directory, "deployment.json"), logRecorder());
}

test("DeploymentRecordFile gives back every step of a deployment as it was stored", async () => {
  await inTemporaryDirectory((directory) => {
    const file = recordIn(directory);
    const same = (record: DeploymentRecord): DeploymentRecord => {
      assert.deepEqual(recordIn(directory).read(), record);
      return record;
    };
    assert.equal(file.read(), undefined);
    let record = same(file.begin(ID, "release-2"));
    assert.deepEqual(record, {
      schema: 1,
      id: ID,
      artifactName: "release-2",
      phase: "received",
      acknowledged: [],
    });
    record = same(file.advance(record, "downloading"));
    record = same(file.acknowledge(record, "downloading"));
    assert.deepEqual(file.acknowledge(record, "downloading"), record);
    record = same(file.advance(record, "downloaded"));
    record = same(file.advance(record, "verified"));
    record = same(file.advance(record, "handing_over"));
    const handoff = { bootId: BOOT, pid: 4711, startTime: "12345" };
    record = same(file.advance(record, "handed_over", { handoff }));
    const outcome = { status: "failure", message: "Flash is worn out" } as const;
    record = same(file.advance(record, "outcome_recorded", { outcome }));
    record = same(file.acknowledge(record, "failure"));
    record = same(file.advance(record, "acknowledged"));
    assert.deepEqual(record.acknowledged, ["downloading", "failure"]);
    assert.deepEqual([record.handoff, record.outcome], [handoff, outcome]);
    assert.deepEqual(readdirSync(directory), ["deployment.json"]);
  });
});

test("DeploymentRecordFile takes no step that may not follow, and stores nothing then", async () => {
  await inTemporaryDirectory((directory) => {
    const file = recordIn(directory);
    const record = file.begin(ID, "release-2", "handed_over");
    for (
      const phase of ["received", "handing_over", "handed_over", "acknowledged", "aborted"] as const
    ) {
      assert.throws(
        () => file.advance(record, phase),
        (error) => isMenderError(error, "store.bad-step"),
      );
    }
    assert.deepEqual(file.read(), record);
  });
});

const sound = {
  schema: 1,
  id: ID,
  artifactName: "release-2",
  phase: "handed_over",
  acknowledged: [],
};
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
  ["an unknown phase", JSON.stringify({ ...sound, phase: "held" })],
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
      const file = new DeploymentRecordFile(files, path, logger);
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
    const record = recordIn(directory).begin(ID, "release-2");
    const faulty = faultyFiles(files, (name) =>
      name === "handle.write" ? "ENOSPC" : undefined).files;
    assert.throws(
      () => recordIn(directory, faulty).advance(record, "downloading"),
      (error) => isMenderError(error, "store.no-space"),
    );
    assert.deepEqual(recordIn(directory).read(), record);
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
