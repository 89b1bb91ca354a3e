import type { ControlState } from "../control/control_map.ts";
import { isMenderError } from "../core/errors.ts";
import { announceStatus } from "./announce_status.ts";
import type { DeploymentContext } from "./context.ts";
import { deploymentLogger } from "./deployment_logger.ts";
import { HELD_STATUS } from "./hold.ts";

/**
 * Tells the server that maps hold a sub-updater at a point: once for each point of a deployment. A server
 * that cannot be told is told later.
 *
 * @returns `gone`: the server has ended the deployment; the sub-updater should roll back.
 * @throws {HandoffError} The deployment is over, or not with a sub-updater.
 */
export async function announceHeld(
  context: DeploymentContext,
  deploymentId: string,
  state: ControlState,
  signal: AbortSignal,
): Promise<"told" | "gone"> {
  const status = HELD_STATUS[state];
  const record = context.record.read();
  const isKnown = record?.id === deploymentId &&
    (record.acknowledged.includes(status) || record.announced === status);
  if (isKnown) return "told";
  const logger = deploymentLogger(context, deploymentId);
  logger.log("info", `Held by update control at ${state}`);
  try {
    const answer = await announceStatus(context, deploymentId, status, signal);
    return answer === "gone" ? "gone" : "told";
  } catch (error) {
    if (signal.aborted || !isMenderError(error) || isMenderError(error, "handoff.")) throw error;
    logger.log("warning", `The server could not be told "${status}" yet`, {}, error);
    return "told";
  }
}
