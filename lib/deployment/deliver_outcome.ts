import {
  type DeploymentLogMessage,
  sendDeploymentLog,
  sendStatus,
} from "../api/deployment_calls.ts";
import type { FinalStatus } from "../core/deployment_status.ts";
import { isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { checkArtifactInfo } from "./check_artifact_info.ts";
import type { DeploymentContext } from "./context.ts";
import { frozenLog } from "./frozen_log.ts";
import type { DeploymentJournal } from "./lifecycle/journal.ts";
import { tidy } from "./tidy.ts";

/**
 * Tells the server the recorded outcome, and on failure uploads the logs; then removes the Artifact.
 * What the server has accepted already is not sent again, unless it offers the deployment anew.
 *
 * Afterwards the deployment is acknowledged: also when the server has ended it meanwhile, and when it
 * refuses the report for good.
 *
 * @param journal Of a deployment whose outcome is known.
 * @param logger Of the deployment.
 * @throws What the session throws; the outcome stays recorded and is to be delivered later.
 */
export async function deliverOutcome(
  context: DeploymentContext,
  journal: DeploymentJournal,
  logger: Logger,
  signal: AbortSignal | undefined,
  options: { isOfferedAgain?: boolean } = {},
): Promise<void> {
  const { outcome, phase } = journal.record;
  if (outcome === undefined) throw new TypeError("Cannot deliver an outcome that is not recorded");
  const { status } = outcome;
  if (phase === "acknowledged" && options.isOfferedAgain !== true) {
    logger.log("info", `"${status}" was reported to the server before`);
    return;
  }
  if (phase === "outcome_recorded") journal.take({ type: "delivering" });
  // Put together before anything can go wrong on the way: what comes later is not part of it.
  const messages = status === "failure" ? frozenLog(context, journal.record.id, logger) : undefined;
  const isWanted = options.isOfferedAgain !== true &&
      journal.record.acknowledged.includes(status) ||
    await tellOutcome(context, journal, status, logger, signal);
  if (messages !== undefined && isWanted) {
    await uploadLog(context, journal.record.id, messages, logger, signal);
  }
  if (journal.record.phase === "outcome_recorded") journal.take({ type: "delivered" });
  tidy(context);
}

/** Sends the final status; `false` when the server does not want to know it. */
async function tellOutcome(
  context: DeploymentContext,
  journal: DeploymentJournal,
  status: FinalStatus,
  logger: Logger,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { id } = journal.record;
  logger.log("info", `Reporting "${status}" to the server`);
  try {
    const answer = await sendStatus(context.session, context.drivers.clock, id, status, signal);
    if (answer === "accepted") {
      journal.take({ type: "told", status });
      if (status === "success") checkArtifactInfo(context, journal.record, logger);
      return true;
    }
    logger.log("warning", "The server has ended this deployment already; it takes no report");
  } catch (error) {
    if (!isMenderError(error, "api.refused") || error.retry !== "never") throw error;
    // It would be refused for ever. If the server still waits for an outcome, it offers the deployment
    // again, and then it is sent again.
    logger.log("error", `The server refuses the report "${status}"`, {}, error);
  }
  return false;
}

/** Uploads the log; one that is too large is halved, once. */
async function uploadLog(
  context: DeploymentContext,
  deploymentId: string,
  messages: readonly DeploymentLogMessage[],
  logger: Logger,
  signal: AbortSignal | undefined,
): Promise<void> {
  const send = (part: readonly DeploymentLogMessage[]): Promise<void> =>
    sendDeploymentLog(context.session, context.drivers.clock, deploymentId, part, signal);
  try {
    try {
      await send(messages);
    } catch (error) {
      if (!isMenderError(error, "api.too-large") || messages.length < 2) throw error;
      logger.log("info", "The server finds the log too large; uploading its newer half", {}, error);
      await send(messages.slice(Math.ceil(messages.length / 2)));
    }
  } catch (error) {
    if (!isMenderError(error, "api.") || error.retry !== "never") throw error;
    // The same body would be refused for ever; the outcome itself has been delivered.
    logger.log("warning", "The server does not take the deployment log", {}, error);
  }
}
