import type { DeploymentStatus } from "../core/deployment_status.ts";
import type { Clock } from "../runtime/clock.ts";
import { type DeviceSession, jsonBody } from "./device_session.ts";
import { refusal } from "./refusal.ts";

/** One line of a deployment log in the form of the Device API; no part may be empty. */
export interface DeploymentLogMessage {
  /** RFC 3339. */
  readonly timestamp: string;
  /** Severity, by any name. */
  readonly level: string;
  /** The line. */
  readonly message: string;
}

/**
 * Tells the server where a deployment stands.
 *
 * @returns `accepted`, or `gone` when the server has ended the deployment (409) or does not know it
 * for this device (404): stop, and do not try again.
 * @throws {ApiError} The server refused or failed, or as {@link DeviceSession.call}.
 * @see device-api section 4
 */
export async function sendStatus(
  session: DeviceSession,
  clock: Clock,
  deploymentId: string,
  status: DeploymentStatus,
  signal?: AbortSignal,
): Promise<"accepted" | "gone"> {
  const path = `${deploymentPath(deploymentId)}/status`;
  const answer = await session.call({ method: "PUT", path, ...jsonBody({ status }) }, signal);
  if (answer.status === 204 || answer.status === 200) return "accepted";
  if (answer.status === 409 || answer.status === 404) return "gone";
  throw refusal(`report "${status}"`, answer, clock.now());
}

/**
 * Uploads the log of a failed deployment; a second upload replaces the first.
 *
 * @param messages At least one; the server refuses all when one part of one is empty.
 * @throws {ApiError} The server refused or failed, or as {@link DeviceSession.call}.
 * @see device-api section 5
 */
export async function sendDeploymentLog(
  session: DeviceSession,
  clock: Clock,
  deploymentId: string,
  messages: readonly DeploymentLogMessage[],
  signal?: AbortSignal,
): Promise<void> {
  const path = `${deploymentPath(deploymentId)}/log`;
  const answer = await session.call({ method: "PUT", path, ...jsonBody({ messages }) }, signal);
  if (answer.status === 204 || answer.status === 200) return;
  throw refusal("upload the deployment log", answer, clock.now());
}

function deploymentPath(deploymentId: string): string {
  return `/api/devices/v1/deployments/device/deployments/${deploymentId}`;
}
