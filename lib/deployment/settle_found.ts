import { sendStatus } from "../api/deployment_calls.ts";
import { isOver } from "../core/deployment_phase.ts";
import type { DeploymentStatus } from "../core/deployment_status.ts";
import { isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { DeploymentContext } from "./context.ts";
import { deliverOutcome } from "./deliver_outcome.ts";
import { deploymentLogger } from "./deployment_logger.ts";
import { endInFailure } from "./end_in_failure.ts";
import { decideFound, type FoundState, type NextStep } from "./found_at_start.ts";
import { handOver } from "./handoff/hand_over.ts";
import { isStillRunning } from "./handoff/handoff_runner.ts";
import { couldNotRun, readStartMarker } from "./handoff/start_marker.ts";
import { boundSubUpdaterLog } from "./handoff/sub_updater_log.ts";
import { DeploymentJournal } from "./lifecycle/journal.ts";
import { isTidy, tidy } from "./tidy.ts";

/**
 * Takes one look at what an earlier process, or the sub-updater, left behind, and does what is due.
 *
 * @returns `clear`: nothing is in progress, polls may go on. `waiting`: a deployment is with the
 * sub-updater; look again later. `again`: something was done, look again at once.
 * @throws What delivering throws; the outcome stays recorded.
 */
export async function settleFound(
  context: DeploymentContext,
  signal: AbortSignal,
): Promise<"clear" | "waiting" | "again"> {
  // The lock first: a report that comes between the two reads then only makes us look once more.
  const lock = context.lock.read();
  const record = context.record.read();
  const isWithSubUpdater = record?.phase === "handing_over" || record?.phase === "handed_over";
  const proof = record === undefined ? undefined : readStartMarker(context, record.id);
  const handoff = record?.handoff ?? proof;
  const { application } = context;
  const step = await decideLazily(
    {
      application: handoff?.isApplication === true ? application : undefined,
      record,
      lock,
      isStartProven: proof !== undefined,
      couldNotRun: isWithSubUpdater && couldNotRun(context, record.id),
      isTidy: isTidy(context),
      waitedMs: context.waitMeter.look(record, context.drivers.clock.monotonic()),
      waitLimitMs: context.handoff.timeoutMs,
    },
    () =>
      handoff?.isApplication === true
        ? Promise.resolve(application?.isRunning(record?.id ?? "") ?? false)
        : isStillRunning(context, handoff),
  );
  if (step.do === "poll") {
    if (record === undefined || isOver(record.phase)) context.gate.idle(record?.id);
    return "clear";
  }
  const journal = new DeploymentJournal(context.record, record);
  if (step.do === "wait") {
    if (step.why !== undefined) tellWhy(context, step.why);
    if (record?.phase === "handed_over") whileWaiting(context, journal);
    return "waiting";
  }
  if (step.do === "adopt") {
    context.logger.log("info", "Waiting for the deployment that the lock file names", {
      deployment: step.deploymentId,
    });
    journal.take({ type: "adopted", id: step.deploymentId });
    return "again";
  }
  await takeStep(step, context, journal, deploymentLogger(context, journal.record.id), signal);
  return "again";
}

const toldReasons = new WeakMap<DeploymentContext, string>();

/** Says why polls are held up; once, not at every look. */
function tellWhy(context: DeploymentContext, why: string): void {
  if (toldReasons.get(context) === why) return;
  toldReasons.set(context, why);
  context.logger.log("warning", `No deployment can be begun: ${why}`, {
    hint: `If no update is in progress, remove ${context.paths.lock}`,
  });
}

function whileWaiting(context: DeploymentContext, journal: DeploymentJournal): void {
  boundSubUpdaterLog(context);
  const { waitMeter, drivers } = context;
  if (!waitMeter.isWorthStoring(journal.record)) return;
  const waitedMs = waitMeter.look(journal.record, drivers.clock.monotonic());
  journal.take({ type: "waited", waitedMs });
}

/** Asks whether the sub-updater still runs, which starts a process, only where it matters. */
async function decideLazily(
  found: Omit<FoundState, "isRunning">,
  isRunning: () => Promise<boolean>,
): Promise<NextStep> {
  const ifRunning = decideFound({ ...found, isRunning: true });
  const ifGone = decideFound({ ...found, isRunning: false });
  if (ifRunning.do === ifGone.do) return ifGone;
  return await isRunning() ? ifRunning : ifGone;
}

async function takeStep(
  step: Exclude<NextStep, { do: "adopt" | "poll" | "wait" }>,
  context: DeploymentContext,
  journal: DeploymentJournal,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  switch (step.do) {
    case "start":
      logger.log(
        "info",
        "The sub-updater was not started before the interruption; starting it now",
      );
      await startNow(context, journal, logger, signal);
      return;
    case "resume":
      await resume(context, journal, logger, signal);
      return;
    case "note-start":
      journal.take({ type: "started", handoff: readStartMarker(context, journal.record.id) });
      return;
    case "announce":
      await announce(step.status, context, journal, logger, signal);
      return;
    case "fail":
      logger.log("error", step.why);
      journal.take({
        type: "ended",
        outcome: { status: "failure", message: step.why, isAssumed: true },
      });
      return;
    case "deliver":
      await deliverOutcome(context, journal, logger, signal);
      return;
    case "tidy":
      tidy(context);
      return;
    case "release":
      logger.log("info", "The deployment is finished; its lock file is removed");
      context.lock.remove();
      return;
  }
}

async function startNow(
  context: DeploymentContext,
  journal: DeploymentJournal,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    await handOver(context, journal, logger, signal);
  } catch (error) {
    if (!isMenderError(error, "handoff.")) throw error;
    endInFailure(context, journal, error, logger);
  }
}

async function resume(
  { application, drivers }: DeploymentContext,
  { record }: DeploymentJournal,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { bootId } = await drivers.processes.identify(1);
  const provides = await application?.readProvides() ?? {};
  signal.throwIfAborted();
  logger.log("info", "The installation was interrupted; the application goes on with it");
  application?.begin({
    deploymentId: record.id,
    artifactName: record.artifactName,
    isResumed: true,
    hasRebooted: bootId !== record.handoff?.bootId,
    provides,
  });
}

async function announce(
  status: DeploymentStatus,
  { session, drivers }: DeploymentContext,
  journal: DeploymentJournal,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const answer = await sendStatus(session, drivers.clock, journal.record.id, status, signal);
  if (answer === "gone") {
    logger.log("warning", `The server takes no "${status}": it has ended this deployment`);
  }
  journal.take({ type: "told", status });
}
