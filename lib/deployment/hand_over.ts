import { isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { DeploymentRecord } from "../store/deployment_record.ts";
import type { DeploymentContext } from "./context.ts";
import { checkSubUpdater, startSubUpdater } from "./handoff.ts";

/**
 * Takes the step from `handing_over` to the running sub-updater.
 *
 * @param record In phase `handing_over`, stored already.
 * @returns The record, `handed_over`; or as it was when only the record could not be written: the lock
 * and the start marker then stand for it.
 * @throws {HandoffError} The sub-updater does not run, for certain.
 * @throws {StoreError} The lock cannot be taken; nothing was started.
 */
export async function handOver(
  context: DeploymentContext,
  record: DeploymentRecord,
  logger: Logger,
  signal: AbortSignal,
): Promise<DeploymentRecord> {
  checkSubUpdater(context);
  const handoff = await startSubUpdater(context, record, signal);
  logger.log("info", `Artifact handed over to ${context.paths.installScript}`);
  try {
    return context.record.advance(record, "handed_over", { handoff });
  } catch (error) {
    // Whatever happens from here on, it is no failure of the deployment: the sub-updater is at work.
    if (!isMenderError(error, "store.")) throw error;
    logger.log("warning", "The hand-off could not be recorded yet", {}, error);
    return record;
  }
}
