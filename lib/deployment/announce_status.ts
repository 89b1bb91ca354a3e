import { sendStatus } from "../api/deployment_calls.ts";
import type { DeploymentStatus } from "../core/deployment_status.ts";
import { HandoffError } from "../core/errors.ts";
import type { DeploymentRecord } from "../store/deployment_record.ts";
import type { DeploymentContext } from "./context.ts";
import { readStartMarker } from "./handoff/start_marker.ts";
import { DeploymentJournal } from "./lifecycle/journal.ts";
import { alreadyReported } from "./record_outcome.ts";

/**
 * Records a status that the sub-updater wants the server to know, and sends it. It is no outcome: once
 * one is recorded, it is not sent any more.
 *
 * @param deploymentId As {@link deploymentInProgress} has found it.
 * @returns `gone`: the server has ended the deployment; the sub-updater should roll back.
 * @throws {HandoffError} `handoff.already-reported`, `handoff.no-deployment`.
 * @throws What the session throws; the status stays recorded, and the daemon sends it later.
 */
export async function announceStatus(
  context: DeploymentContext,
  deploymentId: string,
  status: DeploymentStatus,
  signal: AbortSignal,
): Promise<"accepted" | "gone"> {
  const journal = takeUp(context, deploymentId);
  const { outcome } = journal.record;
  if (outcome !== undefined) throw alreadyReported(deploymentId, status, outcome.status);
  journal.take({ type: "announced", status });
  const { session, drivers } = context;
  const answer = await sendStatus(session, drivers.clock, deploymentId, status, signal);
  // An outcome that was reported meanwhile stands in a file of its own: nothing is overwritten here.
  journal.take({ type: "told", status });
  return answer;
}

/** The deployment as handed over, whatever of that is recorded yet. */
function takeUp(context: DeploymentContext, deploymentId: string): DeploymentJournal {
  const known: DeploymentRecord | undefined = context.record.read();
  const journal = new DeploymentJournal(context.record, known);
  if (known?.id !== deploymentId) journal.take({ type: "adopted", id: deploymentId });
  else if (known.phase === "handing_over") {
    journal.take({ type: "started", handoff: readStartMarker(context, deploymentId) });
  } else if (known.phase !== "handed_over" && known.outcome === undefined) {
    throw new HandoffError(
      "handoff.no-deployment",
      `Cannot announce a status: no sub-updater is at work for deployment ${deploymentId}`,
      { retry: "never" },
    );
  }
  return journal;
}
