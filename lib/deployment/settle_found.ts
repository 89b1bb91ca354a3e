import { isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { DeploymentRecord } from "../store/deployment_record.ts";
import type { DeploymentContext } from "./context.ts";
import { deploymentLogger } from "./deployment_run.ts";
import { decideFound, type FoundState, type NextStep } from "./found_at_start.ts";
import { handOver } from "./hand_over.ts";
import { couldNotRun, isStillRunning, readStartMarker } from "./handoff.ts";
import { deliverOutcome } from "./outcome.ts";

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
  const proof = isWithSubUpdater ? readStartMarker(context, record.id) : undefined;
  const step = await decideLazily(
    {
      record,
      lock,
      isStartProven: proof !== undefined,
      couldNotRun: isWithSubUpdater && couldNotRun(context, record.id),
    },
    () => isStillRunning(context, record?.outcome?.reporter ?? record?.handoff ?? proof),
  );
  if (step.do === "poll") return "clear";
  if (step.do === "wait") {
    if (step.why !== undefined) tellWhy(context, step.why);
    return "waiting";
  }
  if (step.do === "adopt") {
    context.logger.log("info", "Waiting for the deployment that the lock file names", {
      deployment: step.deploymentId,
    });
    context.record.begin(step.deploymentId, "", "handed_over");
    return "again";
  }
  if (record === undefined) return "clear";
  const logger = deploymentLogger(context, record.id);
  await takeStep(step, context, record, logger, signal);
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
  step: Exclude<NextStep, { do: "adopt" }>,
  context: DeploymentContext,
  record: DeploymentRecord,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  switch (step.do) {
    case "start":
      logger.log(
        "info",
        "The sub-updater was not started before the interruption; starting it now",
      );
      await startNow(context, record, logger, signal);
      return;
    case "note-start":
      context.record.advance(record, "handed_over", {
        handoff: readStartMarker(context, record.id),
      });
      return;
    case "fail":
      logger.log("error", step.why);
      context.record.advance(record, "outcome_recorded", {
        outcome: { status: "failure", message: step.why },
      });
      return;
    case "deliver":
      await deliverOutcome(context, record, logger, { signal });
      return;
    case "release":
      logger.log("info", "The deployment is finished; its lock file is removed");
      context.lock.remove();
      return;
    default:
      return;
  }
}

async function startNow(
  context: DeploymentContext,
  record: DeploymentRecord,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    await handOver(context, record, logger, signal);
  } catch (error) {
    if (!isMenderError(error, "handoff.")) throw error;
    logger.log("error", "The deployment failed", {}, error);
    const outcome = { status: "failure", message: error.message } as const;
    context.record.advance(record, "outcome_recorded", { outcome });
  }
}
