import { isMenderError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { DeploymentContext } from "../context.ts";
import type { DeploymentJournal } from "../lifecycle/journal.ts";
import { checkSubUpdater } from "./check_sub_updater.ts";
import { startApplication } from "./start_application.ts";
import { startSubUpdater } from "./start_sub_updater.ts";

/**
 * Takes the step from `handing_over`, which is durable already, to the running sub-updater: first the
 * lock, then the program.
 *
 * @throws {HandoffError} The sub-updater does not run, for certain.
 * @throws {StoreError} The lock cannot be taken; nothing was started.
 */
export async function handOver(
  context: DeploymentContext,
  journal: DeploymentJournal,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { id, artifactName } = journal.record;
  const { application } = context;
  checkSubUpdater(context);
  // Before the marker: nothing may come between that and the call.
  const provides = await application?.readProvides() ?? {};
  context.lock.write(id);
  const { handoff, isFirst } = application === undefined
    ? { handoff: await startSubUpdater(context, id, signal), isFirst: false }
    : await startApplication(context, id, signal);
  const to = application === undefined ? context.paths.installScript : "the application";
  logger.log("info", `Artifact handed over to ${to}`);
  try {
    journal.take({ type: "started", handoff });
  } catch (error) {
    // Whatever happens from here on, it is no failure of the deployment: the sub-updater is at work,
    // and the lock and the start marker stand for it.
    if (!isMenderError(error, "store.")) throw error;
    logger.log("warning", "The hand-off could not be recorded yet", {}, error);
  }
  if (!isFirst) return;
  application?.begin({
    deploymentId: id,
    artifactName,
    isResumed: false,
    hasRebooted: false,
    provides,
  });
}
