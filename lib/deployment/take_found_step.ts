import { sendStatus } from "../api/deployment_calls.ts";
import type { DeploymentStatus } from "../core/deployment_status.ts";
import { isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { DeploymentRecord } from "../store/deployment_record.ts";
import type { DeploymentContext } from "./context.ts";
import { deliverOutcome } from "./deliver_outcome.ts";
import { deploymentLogger } from "./deployment_logger.ts";
import { endInFailure } from "./end_in_failure.ts";
import type { NextStep } from "./found_at_start.ts";
import { handOver } from "./handoff/hand_over.ts";
import { readStartMarker } from "./handoff/start_marker.ts";
import { boundSubUpdaterLog } from "./handoff/sub_updater_log.ts";
import { DeploymentJournal } from "./lifecycle/journal.ts";
import { tidy } from "./tidy.ts";

/** A step that is due for what was found; there is nothing to do when polls may go on. */
export type FoundStep = Exclude<NextStep, { do: "poll" }>;

/**
 * Does what is due for a deployment that an earlier process, or the sub-updater, left behind.
 *
 * @returns `waiting`: look again later. `again`: something was done, look again at once.
 * @throws What delivering throws; the outcome stays recorded.
 */
export async function takeFoundStep(
  step: FoundStep,
  context: DeploymentContext,
  record: DeploymentRecord | undefined,
  signal: AbortSignal,
): Promise<"waiting" | "again"> {
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

async function takeStep(
  step: Exclude<FoundStep, { do: "adopt" | "wait" }>,
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
