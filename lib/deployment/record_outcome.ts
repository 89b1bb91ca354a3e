import { HandoffError } from "../core/errors.ts";
import type { DeploymentRecord } from "../store/deployment_record.ts";
import type { OutcomeRecord } from "../store/outcome_file.ts";
import type { DeploymentFiles } from "./deployment_files.ts";
import { isHandedOverHere } from "./found_at_start.ts";

/**
 * Records how the deployment in progress ended. Known are the deployment of the record, and one that
 * only the lock names (handed over by mender-python-client, or the record was lost).
 *
 * Any process may do so at any time; it does not touch the record, which has one writer.
 *
 * @returns The ID of the deployment; the outcome is durable.
 * @throws {HandoffError} `handoff.no-deployment`: nothing is in progress.
 * `handoff.already-reported`: the opposite was recorded before; that stands.
 * @throws {StoreError} It cannot be stored; nothing is recorded.
 */
export function recordOutcome(files: DeploymentFiles, outcome: OutcomeRecord): string {
  const { id, record } = deploymentInProgress(files);
  const known = record?.outcome?.isAssumed === true ? undefined : record?.outcome;
  const standing = known ?? files.outcomes.record(id, outcome);
  if (standing.status === outcome.status) return id;
  throw alreadyReported(id, outcome.status, standing.status);
}

/**
 * The deployment that a sub-updater is at work for, or was.
 *
 * @returns Its ID, and its record unless only the lock knows it.
 * @throws {HandoffError} `handoff.no-deployment`.
 */
export function deploymentInProgress(
  { record, lock }: Pick<DeploymentFiles, "record" | "lock">,
): { readonly id: string; readonly record: DeploymentRecord | undefined } {
  const known = record.read();
  const locked = lock.read();
  if (locked.kind === "held" && !isHandedOverHere(known, locked.deploymentId)) {
    return { id: locked.deploymentId, record: undefined };
  }
  const isHandedOver = known?.phase === "handing_over" || known?.phase === "handed_over" ||
    known?.outcome !== undefined;
  if (known !== undefined && isHandedOver) return { id: known.id, record: known };
  throw new HandoffError(
    "handoff.no-deployment",
    locked.kind === "unreadable"
      ? `Cannot report an outcome: ${locked.why}`
      : "Cannot report an outcome: no deployment is in progress",
    { retry: "never" },
  );
}

/** The error of a report that comes after another one. */
export function alreadyReported(id: string, status: string, standing: string): HandoffError {
  return new HandoffError(
    "handoff.already-reported",
    `Cannot report "${status}" for deployment ${id}: "${standing}" was reported before`,
    { retry: "never" },
  );
}
