import type { DeploymentRecord } from "../store/deployment_record.ts";
import type { LockState } from "../store/lock_file.ts";

/** What a daemon finds when it starts, or looks at again while it waits. */
export interface FoundState {
  /** The deployment record. */
  readonly record: DeploymentRecord | undefined;
  /** The lock. */
  readonly lock: LockState;
  /** Whether the start marker proves that the sub-updater was started. */
  readonly isStartProven: boolean;
  /** Whether the shell has told that the sub-updater could not be run. */
  readonly couldNotRun: boolean;
  /** Whether the started program, or the `report` that is delivering an outcome, still runs. */
  readonly isRunning: boolean;
}

/**
 * What to do about it.
 *
 * `poll`: nothing is in progress. `wait`: look again later. `adopt`: take the deployment that the
 * lock names as handed over. `start`: start the sub-updater. `note-start`: record that it was started.
 * `fail`: record a failure, for the reason given. `deliver`: send the recorded outcome. `release`:
 * remove the lock.
 */
export type NextStep =
  | { readonly do: "poll" | "start" | "note-start" | "deliver" | "release" }
  | { readonly do: "wait"; readonly why?: string }
  | { readonly do: "adopt"; readonly deploymentId: string }
  | { readonly do: "fail"; readonly why: string };

/**
 * Decides what to do about a deployment that an earlier process left behind.
 *
 * @see architecture §2, "found at start"
 */
export function decideFound(found: FoundState): NextStep {
  const { record, lock } = found;
  // Whatever the lock says: this is owed to the server, and another deployment needs its place.
  if (record?.phase === "outcome_recorded") {
    // The `report` that recorded it is about to deliver it: not both at once.
    const isBeingDelivered = record.outcome?.reporter !== undefined && found.isRunning;
    return { do: isBeingDelivered ? "wait" : "deliver" };
  }
  if (lock.kind === "unreadable") return { do: "wait", why: lock.why };
  if (lock.kind === "held" && !isHandedOverHere(record, lock.deploymentId)) {
    return { do: "adopt", deploymentId: lock.deploymentId };
  }
  if (record === undefined) return { do: "poll" };
  const isLocked = lock.kind === "held";
  switch (record.phase) {
    case "handing_over":
      if (found.isStartProven) return { do: "note-start" };
      return { do: "start" };
    case "handed_over":
      if (found.couldNotRun) return { do: "fail", why: "The sub-updater could not be run" };
      if (isLocked || found.isRunning) return { do: "wait" };
      return { do: "fail", why: "The sub-updater ended without a report" };
    case "acknowledged":
      if (!isLocked) return { do: "poll" };
      return { do: found.isRunning ? "wait" : "release" };
    default:
      // Before the hand-off nothing outside was touched: the server offers the deployment again.
      return { do: "poll" };
  }
}

/**
 * Whether a lock is explained by the record. One for a deployment that never came as far here was
 * written by another client (mender-python-client, before or after us): its sub-updater is at work.
 */
export function isHandedOverHere(
  record: DeploymentRecord | undefined,
  lockedId: string,
): boolean {
  if (record?.id !== lockedId) return false;
  return record.outcome !== undefined || record.phase === "handing_over" ||
    record.phase === "handed_over";
}
