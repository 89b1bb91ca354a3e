import type { DeploymentRecord } from "../store/deployment_record.ts";
import type { DeploymentEvent } from "./context.ts";

/**
 * Turns records that have become durable into the events that they stand for: each phase that a
 * deployment comes to, and its outcome once it is known.
 *
 * @returns To be told each record, in order.
 */
export function recordEvents(
  tell: (event: DeploymentEvent) => void,
): (record: DeploymentRecord) => void {
  let last: DeploymentRecord | undefined;
  return (record) => {
    const before = last?.id === record.id ? last : undefined;
    last = record;
    const { id: deploymentId, phase, artifactName, outcome } = record;
    if (before?.phase !== phase) {
      tell({ type: "phase", deploymentId, phase, ...(artifactName !== "" && { artifactName }) });
    }
    const known = before?.outcome;
    if (outcome === undefined) return;
    if (outcome.status === known?.status && outcome.message === known.message) return;
    tell({
      type: "outcome",
      deploymentId,
      status: outcome.status,
      ...(outcome.message !== undefined && { message: outcome.message }),
      ...(outcome.isAssumed === true && { isAssumed: true }),
    });
  };
}
