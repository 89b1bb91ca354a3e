import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { wellKnownPaths } from "../../../lib/config/mod.ts";
import { DEPLOYMENT_PHASES, type DeploymentPhase } from "../../../lib/core/deployment_phase.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import type { DeploymentContext } from "../../../lib/deployment/context.ts";
import { announceStatus } from "../../../lib/deployment/announce_status.ts";
import { deliverOutcome } from "../../../lib/deployment/deliver_outcome.ts";
import { deliverReport } from "../../../lib/deployment/deliver_report.ts";
import { deploymentFiles } from "../../../lib/deployment/deployment_files.ts";
import { DeploymentJournal } from "../../../lib/deployment/lifecycle/journal.ts";
import { recordOutcome } from "../../../lib/deployment/record_outcome.ts";
import { LivePool } from "../../../lib/control/live_pool.ts";
import { UpdateGate } from "../../../lib/deployment/update_gate.ts";
import { WaitMeter } from "../../../lib/deployment/wait_meter.ts";
import { DeploymentLog } from "../../../lib/log/deployment_log.ts";
import { Redactor } from "../../../lib/log/redactor.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import type { DeploymentRecord } from "../../../lib/store/deployment_record.ts";
import type { OutcomeRecord } from "../../../lib/store/outcome_file.ts";
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
      ...deploymentFiles(files, paths, logger),
      handoff: { runner: "fork", timeoutMs: 0 },
      waitMeter: new WaitMeter(0),
      gate: new UpdateGate({
        maps: new LivePool({ clock, lifeMs: 60_000 }),
        session,
        clock,
        updatePollMs: 60_000,
        retryPollMs: 60_000,
      }),
      verifyKeys: () => Promise.resolve([]),
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

const never = new AbortController().signal;

function recordOf(phase: DeploymentPhase, more: Partial<DeploymentRecord> = {}): DeploymentRecord {
  return { schema: 1, id: ID, artifactName: "release-2", phase, acknowledged: [], ...more };
}

/** Takes up a deployment whose outcome was reported. */
function recorded({ context }: Rig, outcome: OutcomeRecord): DeploymentJournal {
  context.record.write(recordOf("handed_over"));
  recordOutcome(context, outcome);
  return new DeploymentJournal(context.record, context.record.read());
}

/** Delivers it, and gives the record as it is stored then. */
async function deliver(rig: Rig, journal: DeploymentJournal): Promise<DeploymentRecord> {
  await deliverOutcome(rig.context, journal, rig.logger, undefined);
  const stored = rig.context.record.read()!;
  assert.deepEqual(JSON.parse(JSON.stringify(journal.record)), stored);
  return stored;
}

const TAKES: readonly DeploymentPhase[] = ["handing_over", "handed_over", "outcome_recorded"];
const reportable: Record<DeploymentPhase, boolean> = {
  received: false,
  downloading: false,
  downloaded: false,
  verified: false,
  held: false,
  handing_over: true,
  handed_over: true,
  outcome_recorded: true,
  acknowledged: true,
  aborted: false,
};
for (const phase of DEPLOYMENT_PHASES) {
  const hasOutcome = phase === "outcome_recorded" || phase === "acknowledged";
  const record = recordOf(phase, hasOutcome ? { outcome: failure } : {});
  test(`recordOutcome() in "${phase}" without a lock ${reportable[phase] ? "records" : "refuses"}`, async () => {
    await withRig(({ context }) => {
      context.record.write(record);
      if (!reportable[phase]) {
        assert.throws(
          () => recordOutcome(context, failure),
          (error) => isMenderError(error, "handoff.no-deployment"),
        );
        assert.equal(context.outcomes.read(ID), undefined);
        return;
      }
      assert.equal(recordOutcome(context, failure), ID);
      assert.deepEqual(context.record.read(), {
        ...record,
        phase: hasOutcome ? phase : "outcome_recorded",
        outcome: failure,
      });
    });
  });

  test(`recordOutcome() in "${phase}" works for the deployment that the lock names`, async () => {
    await withRig(({ context }) => {
      for (const id of [ID, OTHER]) {
        context.record.write(record);
        context.lock.write(id);
        assert.equal(recordOutcome(context, failure), id);
        if (id === OTHER) assert.deepEqual(context.outcomes.read(id), failure);
        // It is not this process that writes the record.
        if (!TAKES.includes(phase)) assert.deepEqual(context.record.read(), record);
      }
    });
  });
}

const unbiased: [name: string, outcome: DeploymentRecord["outcome"], isRefused: boolean][] = [
  ["was reported", success, true],
  ["was assumed", { ...success, isAssumed: true }, false],
];
for (const [name, outcome, isRefused] of unbiased) {
  test(`recordOutcome() ${isRefused ? "does not take" : "takes"} the opposite of what ${name}`, async () => {
    await withRig(({ context }) => {
      context.record.write(recordOf("outcome_recorded", { outcome }));
      if (!isRefused) assert.equal(recordOutcome(context, failure), ID);
      else {
        assert.throws(
          () => recordOutcome(context, failure),
          (error) => isMenderError(error, "handoff.already-reported"),
        );
      }
      assert.deepEqual(context.record.read()?.outcome, isRefused ? success : failure);
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
    const journal = recorded(rig, success);
    context.lock.write(ID);
    writeFileSync(context.paths.artifactFile, "");
    const delivered = await deliver(rig, journal);
    assert.deepEqual(rig.sent(), ["status success"]);
    assert.deepEqual([delivered.phase, delivered.acknowledged], ["acknowledged", ["success"]]);
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
    await deliver(rig, recorded(rig, failure));
    assert.deepEqual(rig.sent(), ["status failure", "log"]);
    assert.deepEqual(rig.uploaded(), ["own", "password=***", "Bearer ***"]);
  });
});

test("deliverOutcome() that fails midway goes on where it stopped, with the log as it was then", async () => {
  await withRig(async (rig) => {
    const { context, answers } = rig;
    recorded(rig, failure);
    writeFileSync(context.paths.subUpdaterLog, "as it was\n");
    const journal = (): DeploymentJournal =>
      new DeploymentJournal(context.record, context.record.read());
    const fails = async (what: string): Promise<void> => {
      answers[what] = { status: 500 };
      await assert.rejects(deliver(rig, journal()), (error) => {
        return isMenderError(error, "api.server-error");
      });
      delete answers[what];
      assert.equal(context.record.read()?.phase, "outcome_recorded");
    };
    await fails("status");
    writeFileSync(context.paths.subUpdaterLog, "what came later\n");
    await fails("log");
    assert.deepEqual(context.record.read()?.acknowledged, ["failure"]);
    await deliver(rig, journal());
    assert.deepEqual(rig.sent(), ["status failure", "status failure", "log", "log"]);
    assert.deepEqual(rig.uploaded(), ["as it was"]);
    assert.equal(context.record.read()?.phase, "acknowledged");
    assert.deepEqual(
      readdirSync(context.paths.dataDirectory).filter((name) => name.includes("log-upload")),
      [],
    );
  });
});

test("deliverOutcome() puts a kept log that is damaged together again", async () => {
  await withRig(async (rig) => {
    const { context } = rig;
    const journal = recorded(rig, failure);
    for (const damage of ["[", "[]", '[{"timestamp":""}]', "null"]) {
      writeFileSync(join(context.paths.dataDirectory, `log-upload.${ID}.json`), damage);
      writeFileSync(context.paths.subUpdaterLog, `after ${damage}\n`);
      await deliverOutcome(context, journal, rig.logger, never, { isOfferedAgain: true });
      assert.deepEqual(rig.uploaded(), [`after ${damage}`]);
    }
  });
});

for (const status of [404, 409]) {
  test(`deliverOutcome() to a server that answers ${status} is over, and uploads nothing`, async () => {
    await withRig(async (rig) => {
      rig.answers["status"] = { status };
      const delivered = await deliver(rig, recorded(rig, failure));
      assert.deepEqual(rig.sent(), ["status failure"]);
      assert.deepEqual([delivered.phase, delivered.acknowledged], ["acknowledged", []]);
      assert.equal(rig.logger.lines().length, 1);
    });
  });
}

for (const status of [400, 405, 422]) {
  test(`deliverOutcome() to a server that refuses it for good (${status}) is over, with an error`, async () => {
    await withRig(async (rig) => {
      rig.answers["status"] = { status };
      const delivered = await deliver(rig, recorded(rig, success));
      assert.deepEqual([delivered.phase, delivered.acknowledged], ["acknowledged", []]);
      assert.match(rig.logger.lines().join("\n"), /^error: The server refuses the report/m);
      // The server still waits, and offers it: then it is told again.
      delete rig.answers["status"];
      const journal = new DeploymentJournal(rig.context.record, delivered);
      await deliverOutcome(rig.context, journal, rig.logger, never, { isOfferedAgain: true });
      assert.deepEqual(rig.sent(), ["status success", "status success"]);
      assert.deepEqual(rig.context.record.read()?.acknowledged, ["success"]);
    });
  });
}

for (const status of [401, 408, 429, 500, 503]) {
  test(`deliverOutcome() keeps the outcome when the server answers ${status}`, async () => {
    await withRig(async (rig) => {
      rig.answers["status"] = { status };
      await assert.rejects(deliver(rig, recorded(rig, success)), (error) => isMenderError(error));
      assert.equal(rig.context.record.read()?.phase, "outcome_recorded");
    });
  });
}

test("deliverOutcome() halves a log that is too large, once, and is done when that is refused", async () => {
  await withRig(async (rig) => {
    const { context } = rig;
    const journal = recorded(rig, failure);
    writeFileSync(context.paths.subUpdaterLog, "one\ntwo\nthree\n");
    rig.answers["log"] = { status: 413 };
    const delivered = await deliver(rig, journal);
    assert.equal(delivered.phase, "acknowledged");
    assert.deepEqual(rig.sent(), ["status failure", "log", "log"]);
    assert.deepEqual(rig.uploaded(), ["three"]);
    assert.match(
      rig.logger.all(),
      /^info: .*newer half[^]*^warning: The server does not take the deployment log/m,
    );
  });
});

test("deliverOutcome() sends what was delivered again only when the server offers it again", async () => {
  await withRig(async (rig) => {
    const journal = recorded(rig, success);
    await deliver(rig, journal);
    await deliver(rig, journal);
    assert.deepEqual(rig.sent(), ["status success"]);
    await deliverOutcome(rig.context, journal, rig.logger, never, { isOfferedAgain: true });
    assert.deepEqual(rig.sent(), ["status success", "status success"]);
  });
});

test("deliverOutcome() fixes an assumed outcome before the server is told: no report changes it then", async () => {
  await withRig(async (rig) => {
    const { context } = rig;
    context.record.write(
      recordOf("outcome_recorded", { outcome: { ...failure, isAssumed: true } }),
    );
    const journal = new DeploymentJournal(context.record, context.record.read());
    rig.answers["status"] = { status: 500 };
    await assert.rejects(deliver(rig, journal));
    assert.throws(
      () => recordOutcome(context, success),
      (error) => isMenderError(error, "handoff.already-reported"),
    );
    delete rig.answers["status"];
    await deliver(rig, new DeploymentJournal(context.record, context.record.read()));
    assert.deepEqual(rig.sent(), ["status failure", "status failure", "log"]);
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
      const journal = recorded(rig, failure);
      arrange(rig);
      const delivered = await deliver(rig, journal);
      assert.equal(delivered.phase, "acknowledged");
      assert.match(rig.uploaded().at(-1) ?? "", says);
    });
  });
}

test("deliverOutcome() without an outcome is a mistake of its caller", async () => {
  await withRig(async ({ context, logger }) => {
    context.record.write(recordOf("handed_over"));
    const journal = new DeploymentJournal(context.record, context.record.read());
    await assert.rejects(deliverOutcome(context, journal, logger, never), TypeError);
  });
});

const found: [name: string, record: DeploymentRecord | undefined, sent: string[]][] = [
  ["no record", undefined, ["status success"]],
  ["a download of the same", recordOf("downloading"), ["status success"]],
  ["its hand-off", recordOf("handing_over"), ["status success"]],
  ["its sub-updater", recordOf("handed_over"), ["status success"]],
  ["another one, acknowledged", recordOf("acknowledged", { id: OTHER, outcome: failure }), [
    "status success",
  ]],
  [
    "another one, yet to be delivered",
    recordOf("outcome_recorded", {
      id: OTHER,
      outcome: success,
    }),
    ["status success", "status success"],
  ],
];
for (const [name, record, sent] of found) {
  test(`deliverReport() that finds ${name} delivers the outcome of the deployment in the lock`, async () => {
    await withRig(async (rig) => {
      const { context } = rig;
      if (record !== undefined) context.record.write(record);
      context.lock.write(ID);
      const id = recordOutcome(context, success);
      await deliverReport(context, id, undefined);
      assert.deepEqual(rig.sent(), sent);
      const stored = context.record.read();
      assert.deepEqual([stored?.id, stored?.phase, stored?.outcome], [ID, "acknowledged", success]);
      assert.ok(existsSync(context.paths.lock));
    });
  });
}

test("deliverReport() refuses a report that came after the opposite was delivered", async () => {
  await withRig(async (rig) => {
    const { context } = rig;
    context.record.write(recordOf("handed_over"));
    recordOutcome(context, success);
    context.record.write(
      recordOf("acknowledged", { outcome: failure, acknowledged: ["failure"] }),
    );
    await assert.rejects(
      deliverReport(context, ID, undefined),
      (error) => isMenderError(error, "handoff.already-reported"),
    );
    assert.deepEqual(rig.http.requests, []);
  });
});

test("announceStatus() is recorded first, and sent later when the server is away", async () => {
  await withRig(async (rig) => {
    const { context } = rig;
    context.record.write(recordOf("handed_over"));
    rig.answers["status"] = { status: 503 };
    await assert.rejects(announceStatus(context, ID, "rebooting", never));
    assert.equal(context.record.read()?.announced, "rebooting");
    delete rig.answers["status"];
    assert.equal(await announceStatus(context, ID, "rebooting", never), "accepted");
    assert.deepEqual(rig.sent(), ["status rebooting", "status rebooting"]);
    assert.equal(context.record.read()?.announced, undefined);
    assert.deepEqual(context.record.read()?.acknowledged, ["rebooting"]);
  });
});

const announced: [name: string, record: DeploymentRecord | undefined, code: string][] = [
  ["an outcome", recordOf("outcome_recorded", { outcome: success }), "handoff.already-reported"],
  ["the end", recordOf("acknowledged", { outcome: success }), "handoff.already-reported"],
  ["a download", recordOf("downloading"), "handoff.no-deployment"],
  ["the server took it back", recordOf("aborted"), "handoff.no-deployment"],
];
for (const [name, record, code] of announced) {
  test(`announceStatus() after ${name} is refused, and nothing is sent`, async () => {
    await withRig(async (rig) => {
      rig.context.record.write(record!);
      await assert.rejects(
        announceStatus(rig.context, ID, "installing", never),
        (error) => isMenderError(error, code),
      );
      assert.deepEqual(rig.http.requests, []);
      assert.deepEqual(rig.context.record.read(), record);
    });
  });
}

test("announceStatus() says when the server has ended the deployment", async () => {
  await withRig(async (rig) => {
    rig.context.lock.write(ID);
    rig.answers["status"] = { status: 409 };
    assert.equal(await announceStatus(rig.context, ID, "rebooting", never), "gone");
    assert.equal(rig.context.record.read()?.phase, "handed_over");
  });
});

const shown: [name: string, text: string | undefined, warning: RegExp | undefined][] = [
  ["shows the new Artifact", "artifact_name=release-2\n", undefined],
  [
    "shows the old Artifact",
    "artifact_name=release-1\n",
    /does not show the new Artifact: wanted "release-2", found "release-1"/,
  ],
  ["is missing", undefined, /does not show the new Artifact: wanted "release-2", found none/],
];
for (const [name, text, warning] of shown) {
  test(`deliverOutcome() of a success, when artifact_info ${name}, ${warning ? "warns" : "is silent"}`, async () => {
    await withRig(async (rig) => {
      const { artifactInfo } = rig.context.paths;
      mkdirSync(dirname(artifactInfo), { recursive: true });
      if (text !== undefined) writeFileSync(artifactInfo, text);
      await deliver(rig, recorded(rig, success));
      const lines = rig.logger.lines();
      assert.equal(lines.length, warning === undefined ? 0 : 1, lines.join());
      if (warning !== undefined) assert.match(lines[0]!, warning);
    });
  });
}
