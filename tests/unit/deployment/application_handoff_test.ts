import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { isMenderError } from "../../../lib/core/errors.ts";
import {
  ApplicationHandoff,
  type HandedDeployment,
} from "../../../lib/deployment/handoff/application_handoff.ts";
import type {
  Installation,
  InstallationHandler,
} from "../../../lib/deployment/handoff/installation.ts";
import { wellKnownPaths } from "../../../lib/config/mod.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { OutcomeFiles, type OutcomeRecord } from "../../../lib/store/outcome_file.ts";
import { StoreError } from "../../../lib/core/errors.ts";
import { rigArtifact } from "../../support/client_rig.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";

const { files } = await hostDrivers();
const deploymentId = "0f";
const handed: HandedDeployment = {
  deploymentId,
  artifactName: "release-2",
  isResumed: false,
  hasRebooted: false,
  provides: { artifact_name: "release-2" },
};

interface Rig {
  readonly application: ApplicationHandoff;
  readonly clock: FakeClock;
  readonly logger: ReturnType<typeof logRecorder>;
  readonly outcomes: OutcomeFiles;
  /** IDs of the deployments of which an outcome was told. */
  readonly told: string[];
  /** Where the Artifact is. */
  readonly artifactPath: string;
}

function withApplication(
  onDeployment: InstallationHandler,
  body: (rig: Rig) => Promise<void>,
  makeOutcomes?: (outcomes: OutcomeFiles) => OutcomeFiles,
): Promise<void> {
  return inTemporaryDirectory(async (root) => {
    const { dataDirectory, artifactFile: artifactPath } = wellKnownPaths({ root });
    mkdirSync(dataDirectory, { recursive: true });
    writeFileSync(artifactPath, rigArtifact("release-2", 1000));
    const [clock, logger, told] = [new FakeClock(), logRecorder(), [] as string[]];
    const outcomes = new OutcomeFiles(files, dataDirectory, logger);
    const application = new ApplicationHandoff({
      onDeployment,
      files,
      clock,
      random: () => 0,
      artifactPath,
      outcomes: makeOutcomes?.(outcomes) ?? outcomes,
      logger,
      announce: () => Promise.resolve("accepted"),
      onOutcome: (id) => void told.push(id),
    });
    await body({ application, clock, logger, outcomes, told, artifactPath });
  });
}

const ends: [what: string, handler: InstallationHandler, outcome: OutcomeRecord][] = [
  ["returns", () => {}, { status: "success" }],
  ["returns a text", () => Promise.resolve("done"), { status: "success", message: "done" }],
  ["throws", () => {
    throw new TypeError("no such\npartition");
  }, { status: "failure", message: "no such partition" }],
  ["throws what is no error", () => Promise.reject("no"), { status: "failure", message: "no" }],
];
for (const [what, handler, outcome] of ends) {
  test(`an application that ${what}: ${outcome.status}, recorded before it is told`, () =>
    withApplication(handler, async ({ application, outcomes, told }) => {
      application.begin(handed);
      assert.ok(application.isRunning(deploymentId));
      await waitUntil("the outcome", () => told.length > 0);
      assert.deepEqual(outcomes.read(deploymentId), outcome);
      assert.ok(!application.isRunning(deploymentId));
    }));
}

test("an application that throws once its signal is aborted is interrupted, and has no outcome", () =>
  withApplication(
    ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    async ({ application, outcomes, told }) => {
      application.begin(handed);
      await application.close(30_000);
      assert.deepEqual([outcomes.read(deploymentId), told], [undefined, []]);
    },
  ));

test("an application that ends well although its signal is aborted has succeeded", () =>
  withApplication(
    ({ signal }) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve("just in time"))),
    async ({ application, outcomes, told }) => {
      application.begin(handed);
      await application.close(30_000);
      assert.deepEqual(outcomes.read(deploymentId)?.status, "success");
      assert.deepEqual(told, [deploymentId]);
    },
  ));

test("an application that does not heed its signal is waited for no longer than the limit", () =>
  withApplication(() => new Promise(() => {}), async ({ application, clock }) => {
    application.begin(handed);
    await assert.rejects(
      clock.run(application.close(30_000)),
      (error) => isMenderError(error, "handoff.still-running"),
    );
    assert.equal(clock.monotonic(), 30_000);
  }));

test("an outcome that cannot be stored is stored as soon as it can, and the application is at work until then", () => {
  let isFull = true;
  return withApplication(
    () => {},
    async ({ application, clock, outcomes, told, logger }) => {
      application.begin(handed);
      await waitUntil("an attempt", () => clock.pendingTimers > 0);
      await clock.advance(600_000);
      assert.ok(application.isRunning(deploymentId));
      assert.match(logger.all(), /cannot be recorded; trying again/);
      isFull = false;
      await clock.advance(60_000);
      assert.deepEqual(told, [deploymentId]);
      assert.deepEqual(outcomes.read(deploymentId), { status: "success" });
    },
    (outcomes) =>
      ({
        record(id: string, outcome: OutcomeRecord): OutcomeRecord {
          if (isFull) throw new StoreError("store.no-space", "Cannot store the outcome");
          return outcomes.record(id, outcome);
        },
      }) as OutcomeFiles,
  );
});

test("an outcome that somebody has reported before stands, and the log says so", () =>
  withApplication(() => {}, async ({ application, outcomes, told, logger }) => {
    outcomes.record(deploymentId, { status: "failure" });
    application.begin(handed);
    await waitUntil("the outcome", () => told.length > 0);
    assert.equal(outcomes.read(deploymentId)?.status, "failure");
    assert.match(logger.all(), /"success" comes too late: "failure" was reported before/);
  }));

test("an application can read the Artifact several times, and leave off in the middle", () => {
  const sizes: number[] = [];
  let given: Installation | undefined;
  return withApplication(async (installation) => {
    given = installation;
    for await (const _ of installation.read()) break;
    for (let round = 0; round < 2; round++) {
      let size = 0;
      for await (const chunk of installation.read()) size += chunk.length;
      sizes.push(size);
    }
  }, async ({ application, told, artifactPath }) => {
    application.begin(handed);
    await waitUntil("the outcome", () => told.length > 0);
    const { length } = rigArtifact("release-2", 1000);
    assert.deepEqual(sizes, [length, length]);
    assert.deepEqual(given?.provides, handed.provides);
    assert.deepEqual(await application.readProvides(), handed.provides);
    files.remove(artifactPath);
    assert.deepEqual(await application.readProvides(), {});
    await assert.rejects(
      given!.read().next(),
      (error) => isMenderError(error, "store."),
    );
  });
});
