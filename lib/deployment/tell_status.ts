import { sendStatus } from "../api/deployment_calls.ts";
import { backoffSchedule } from "../core/backoff_schedule.ts";
import type { DeploymentStatus } from "../core/deployment_status.ts";
import { isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { sleep } from "../runtime/clock.ts";
import type { DeploymentContext } from "./context.ts";

/**
 * Sends a status that is not final. A server that can't be reached is asked again for as long as one
 * retry interval; then the deployment goes on without it.
 *
 * @returns `gone`: the server has ended the deployment. `untold`: it could not be told.
 * @throws {AuthError} The device is not let in any more.
 */
export async function tellStatus(
  context: DeploymentContext,
  deploymentId: string,
  status: DeploymentStatus,
  logger: Logger,
  signal: AbortSignal,
): Promise<"accepted" | "gone" | "untold"> {
  const { clock, random } = context.drivers;
  const giveUpAt = clock.monotonic() + context.retryPollMs;
  for (const growingMs of backoffSchedule(context.retryPollMs, random.next)) {
    try {
      return await sendStatus(context.session, clock, deploymentId, status, signal);
    } catch (error) {
      if (signal.aborted || !isMenderError(error)) throw error;
      const { code, retry } = error;
      if (code.startsWith("auth.")) throw error;
      const waitMs = typeof retry === "object" ? retry.afterMs : growingMs;
      if (clock.monotonic() + waitMs > giveUpAt) {
        logger.log("warning", `The server does not take the status "${status}"`, {}, error);
        return "untold";
      }
      await sleep(clock, waitMs, signal);
    }
  }
  return "untold";
}
