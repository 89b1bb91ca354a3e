import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { DeploymentContext } from "./context.ts";
import { discardDownload } from "./fetch_artifact.ts";
import type { DeploymentJournal } from "./lifecycle/journal.ts";

/**
 * Records that a deployment failed on our side of the hand-off, and tidies up; the server is yet to be
 * told.
 *
 * @throws {StoreError} The failure cannot be recorded.
 */
export function endInFailure(
  context: DeploymentContext,
  journal: DeploymentJournal,
  error: unknown,
  logger: Logger,
): void {
  logger.log("error", "The deployment failed", {}, error);
  const outcome = { status: "failure", message: messageOf(error) } as const;
  for (const effect of journal.take({ type: "ended", outcome })) {
    if (effect === "release-lock") context.lock.remove();
    if (effect === "discard-artifact") discardDownload(context);
  }
}
