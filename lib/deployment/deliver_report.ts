import type { DeploymentContext } from "./context.ts";
import { deliverOutcome } from "./deliver_outcome.ts";
import { deploymentLogger } from "./deployment_logger.ts";
import { DeploymentJournal } from "./lifecycle/journal.ts";
import { alreadyReported } from "./record_outcome.ts";

/**
 * Tells the server the outcome that was recorded for a deployment. One that only the lock names is
 * adopted first.
 *
 * @throws {HandoffError} `handoff.already-reported`: the server was told another outcome before.
 * @throws What the session throws; the outcome stays recorded and is to be delivered later.
 */
export async function deliverReport(
  context: DeploymentContext,
  deploymentId: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await deliverOlder(context, deploymentId, signal);
  const reported = context.outcomes.read(deploymentId);
  const known = context.record.read();
  const journal = new DeploymentJournal(context.record, known);
  if (reported !== undefined && (known?.id !== deploymentId || known.outcome === undefined)) {
    journal.take({ type: "adopted", id: deploymentId });
    journal.take({ type: "ended", outcome: reported });
  }
  const { outcome } = journal.record;
  const logger = deploymentLogger(context, deploymentId);
  if (reported !== undefined && outcome !== undefined && reported.status !== outcome.status) {
    throw alreadyReported(deploymentId, reported.status, outcome.status);
  }
  if (outcome?.message !== undefined && journal.record.phase !== "acknowledged") {
    logger.log(outcome.status === "failure" ? "error" : "info", outcome.message);
  }
  await deliverOutcome(context, journal, logger, signal);
}

/** The record has room for one deployment: what an older one owes to the server comes first. */
async function deliverOlder(
  context: DeploymentContext,
  deploymentId: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const known = context.record.read();
  if (known?.phase !== "outcome_recorded" || known.id === deploymentId) return;
  const journal = new DeploymentJournal(context.record, known);
  await deliverOutcome(context, journal, deploymentLogger(context, known.id), signal);
}
