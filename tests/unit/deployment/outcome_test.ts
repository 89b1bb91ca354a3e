import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wellKnownPaths } from "../../../lib/config/mod.ts";
import { DEPLOYMENT_PHASES, type DeploymentPhase } from "../../../lib/core/deployment_phase.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import type { DeploymentContext } from "../../../lib/deployment/context.ts";
import { deliverOutcome, recordOutcome } from "../../../lib/deployment/outcome.ts";
import { DeploymentLog } from "../../../lib/log/deployment_log.ts";
import { Redactor } from "../../../lib/log/redactor.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import {
  type DeploymentRecord,
  DeploymentRecordFile,
  type OutcomeRecord,
} from "../../../lib/store/deployment_record.ts";
import { LockFile } from "../../../lib/store/lock_file.ts";
import { type LogRecorder, logRecorder } from "../../support/log_recorder.ts";
import type { ScriptedAnswer, ScriptedHttp, SeenRequest } from "../../support/scripted_http.ts";
import { authorisedOn } from "../../support/scripted_session.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const drivers = await hostDrivers();
const { files } = drivers;
const ID = "5b1d2f3a-0000-4000-8000-00000000000f";
const OTHER = "00000000-0000-4000-8000-00000000000e";

interface Rig {
  readonly context: DeploymentContext;
  readonly http: ScriptedHttp;
  readonly logger: LogRecorder;
  /** Answer by the last part of the path: `status` or `log`. */
  readonly answers: Record<string, ScriptedAnswer>;
  /** What was sent so far: `status failure`, `log`. */
  sent(): string[];
  /** Messages of the last log upload. */
  uploaded(): string[];
}

async function withRig(body: (rig: Rig) => Promise<void> | void): Promise<void> {
  await inTemporaryDirectory(async (root) => {
    const paths = wellKnownPaths({ root });
    mkdirSync(paths.dataDirectory, { recursive: true });
    const answers: Rig["answers"] = {};
    const lastPart = (request: SeenRequest): string => request.path.split("/").at(-1) ?? "";
    const { session, http, clock } = authorisedOn((request) => {
      return answers[lastPart(request)] ?? { status: 204 };
    });
    const logger = logRecorder();
    const redactor = new Redactor();
    const context: DeploymentContext = {
      drivers: { ...drivers, clock },
      paths,
      logDirectory: paths.dataDirectory,
      session,
      artifactHttp: http,
      record: new DeploymentRecordFile(files, paths.record, logger),
      lock: new LockFile(files, paths.lock),
      verifyKeys: () => [],
      retryPollMs: 300_000,
      logger,
      loggerWith: () => logger,
      redact: (text) => redactor.redact(text),
      renewLink: () => Promise.reject(new Error("not asked for here")),
      downloadLimits: { maxTries: 3, maxMs: 60_000, bytesPerSecond: 0 },
      onEvent: () => {},
    };
    type Body = { status?: string; messages?: { message: string }[] };
    await body({
      context,
      http,
      logger,
      answers,
      sent: () =>
        http.requests.slice(1).map((request) =>
          [lastPart(request), (request.json() as Body).status].filter(Boolean).join(" ")
        ),
      uploaded: () =>
        (http.requests.at(-1)?.json() as Body).messages?.map(({ message }) => message) ?? [],
    });
  });
}

const failure: OutcomeRecord = { status: "failure", message: "Flash is worn out" };
const success: OutcomeRecord = { status: "success" };

/** Stores the record of a deployment whose outcome is known. */
function recorded({ context }: Rig, outcome: OutcomeRecord): DeploymentRecord {
  context.record.begin(ID, "release-2", "handed_over");
  return recordOutcome(context, outcome);
}

const reportable: Record<DeploymentPhase, boolean> = {
  received: false,
  downloading: false,
  downloaded: false,
  verified: false,
  handing_over: true,
  handed_over: true,
  outcome_recorded: true,
  acknowledged: true,
  aborted: false,
};
for (const phase of DEPLOYMENT_PHASES) {
  const hasOutcome = phase === "outcome_recorded" || phase === "acknowledged";
  test(`recordOutcome() in "${phase}" without a lock ${reportable[phase] ? "records" : "refuses"}`, async () => {
    await withRig(({ context }) => {
      const record = {
        schema: 1,
        id: ID,
        artifactName: "release-2",
        phase,
        acknowledged: [],
        ...(hasOutcome && { outcome: failure }),
      };
      writeFileSync(context.paths.record, JSON.stringify(record));
      if (!reportable[phase]) {
        assert.throws(
          () => recordOutcome(context, failure),
          (error) => isMenderError(error, "handoff.no-deployment"),
        );
        return;
      }
      const stored = recordOutcome(context, failure);
      assert.equal(stored.phase, hasOutcome ? phase : "outcome_recorded");
      assert.deepEqual(context.record.read(), stored);
    });
  });

  test(`recordOutcome() in "${phase}" works for the deployment that the lock names`, async () => {
    await withRig(({ context }) => {
      for (const id of [ID, OTHER]) {
        rmSync(context.paths.record, { force: true });
        const outcome = hasOutcome ? { outcome: failure } : {};
        const record = {
          schema: 1,
          id: ID,
          artifactName: "x",
          phase,
          acknowledged: [],
          ...outcome,
        };
        writeFileSync(context.paths.record, JSON.stringify(record));
        context.lock.write(id);
        const stored = recordOutcome(context, failure);
        assert.deepEqual([stored.id, stored.outcome], [id, failure]);
        assert.deepEqual(context.record.read(), stored);
      }
    });
  });
}

test("recordOutcome() does not take the opposite of what was reported", async () => {
  await withRig((rig) => {
    recorded(rig, failure);
    assert.throws(
      () => recordOutcome(rig.context, success),
      (error) => isMenderError(error, "handoff.already-reported"),
    );
    assert.deepEqual(rig.context.record.read()?.outcome, failure);
  });
});

test("recordOutcome() says what is wrong with the lock", async () => {
  await withRig(({ context }) => {
    writeFileSync(context.paths.lock, "nonsense");
    assert.throws(() => recordOutcome(context, failure), (error) => {
      return isMenderError(error, "handoff.no-deployment") && error.message.includes("update.lock");
    });
  });
});

test("deliverOutcome() of a success sends the status and removes the Artifact, not the lock", async () => {
  await withRig(async (rig) => {
    const { context } = rig;
    const record = recorded(rig, success);
    context.lock.write(ID);
    writeFileSync(context.paths.artifactFile, "");
    const delivered = await deliverOutcome(context, record, rig.logger);
    assert.deepEqual(rig.sent(), ["status success"]);
    assert.deepEqual([delivered.phase, delivered.acknowledged], ["acknowledged", ["success"]]);
    assert.deepEqual(context.record.read(), delivered);
    assert.equal(existsSync(context.paths.artifactFile), false);
    assert.ok(existsSync(context.paths.lock));
  });
});

test("deliverOutcome() of a failure sends the status, then both logs without secrets", async () => {
  await withRig(async (rig) => {
    const { context } = rig;
    const log = DeploymentLog.open(files, context.logDirectory, ID);
    log.append('{"timestamp":"2030-01-02T03:04:05Z","level":"error","message":"own"}\n');
    writeFileSync(context.paths.subUpdaterLog, "password=hunter2\nBearer abcdefgh\n");
    await deliverOutcome(context, recorded(rig, failure), rig.logger);
    assert.deepEqual(rig.sent(), ["status failure", "log"]);
    assert.deepEqual(rig.uploaded(), ["own", "password=***", "Bearer ***"]);
  });
});

test("deliverOutcome() that fails midway goes on where it stopped", async () => {
  await withRig(async (rig) => {
    const { context, answers } = rig;
    let record = recorded(rig, failure);
    const fails = async (what: string): Promise<void> => {
      answers[what] = { status: 500 };
      await assert.rejects(deliverOutcome(context, record, rig.logger), (error) => {
        return isMenderError(error, "api.server-error");
      });
      delete answers[what];
      record = context.record.read()!;
      assert.equal(record.phase, "outcome_recorded");
    };
    await fails("status");
    await fails("log");
    assert.deepEqual(record.acknowledged, ["failure"]);
    await deliverOutcome(context, record, rig.logger);
    assert.deepEqual(rig.sent(), ["status failure", "status failure", "log", "log"]);
    assert.equal(context.record.read()?.phase, "acknowledged");
  });
});

for (const status of [404, 409]) {
  test(`deliverOutcome() to a server that answers ${status} is over, and uploads nothing`, async () => {
    await withRig(async (rig) => {
      rig.answers["status"] = { status };
      const delivered = await deliverOutcome(rig.context, recorded(rig, failure), rig.logger);
      assert.deepEqual(rig.sent(), ["status failure"]);
      assert.deepEqual([delivered.phase, delivered.acknowledged], ["acknowledged", []]);
      assert.equal(rig.logger.lines().length, 1);
    });
  });
}

test("deliverOutcome() is done when the server refuses the log, and warns", async () => {
  await withRig(async (rig) => {
    rig.answers["log"] = { status: 413 };
    const delivered = await deliverOutcome(rig.context, recorded(rig, failure), rig.logger);
    assert.equal(delivered.phase, "acknowledged");
    assert.match(
      rig.logger.lines().join("\n"),
      /^warning: The server does not take the deployment log/,
    );
  });
});

test("deliverOutcome() sends what was delivered again only when the server offers it again", async () => {
  await withRig(async (rig) => {
    const record = await deliverOutcome(rig.context, recorded(rig, success), rig.logger);
    await deliverOutcome(rig.context, record, rig.logger);
    assert.deepEqual(rig.sent(), ["status success"]);
    await deliverOutcome(rig.context, record, rig.logger, { isOfferedAgain: true });
    assert.deepEqual(rig.sent(), ["status success", "status success"]);
  });
});

const logs: [name: string, arrange: (rig: Rig) => void, says: RegExp][] = [
  ["a sub-updater's log beyond all measure", ({ context }) => {
    writeFileSync(context.paths.subUpdaterLog, `${"x".repeat(99)}\n`.repeat(200_000) + "last\n");
  }, /^last$/],
  ["a directory in place of the sub-updater's log", ({ context }) => {
    mkdirSync(context.paths.subUpdaterLog);
  }, /^Nothing was logged$/],
  ["no directory for logs", (rig) => {
    Object.assign(rig.context, { logDirectory: join(rig.context.logDirectory, "none") });
  }, /^Nothing was logged$/],
];
for (const [name, arrange, says] of logs) {
  test(`deliverOutcome() is not held up by ${name}`, async () => {
    await withRig(async (rig) => {
      const record = recorded(rig, failure);
      arrange(rig);
      const delivered = await deliverOutcome(rig.context, record, rig.logger);
      assert.equal(delivered.phase, "acknowledged");
      assert.match(rig.uploaded().at(-1) ?? "", says);
    });
  });
}

test("deliverOutcome() without an outcome is a mistake of its caller", async () => {
  await withRig(async ({ context, logger }) => {
    const record = context.record.begin(ID, "release-2", "handed_over");
    await assert.rejects(deliverOutcome(context, record, logger), TypeError);
  });
});
