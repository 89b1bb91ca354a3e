import type { DeploymentStatus } from "../core/deployment_status.ts";
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
  /** Whether nothing is left of the Artifact, and of the log that was uploaded. */
  readonly isTidy: boolean;
  /**
   * Set when the deployment was handed to an application, and this client is a part of one: whether that
   * can go on with what was interrupted.
   */
  readonly application?: { readonly canResume: boolean } | undefined;
  /** Whether the started program still runs. */
  readonly isRunning: boolean;
  /** For how long an outcome was waited for, as far as that was observed, in milliseconds. */
  readonly waitedMs: number;
  /** Longest such wait for a program that does not run any more; 0 = no limit. */
  readonly waitLimitMs: number;
}

/**
 * What to do about it.
 *
 * `poll`: nothing is in progress. `wait`: look again later. `adopt`: take the deployment that the
 * lock names as handed over. `start`: start the sub-updater. `resume`: have the
 * application go on with it. `note-start`: record that it was started.
 * `announce`: send the status that the sub-updater wants the server to know. `fail`: record a failure,
 * for the reason given. `deliver`: send the recorded outcome. `tidy`: remove what a deployment that is
 * over has left. `release`: remove the lock.
 */
export type NextStep =
  | { readonly do: "poll" | "start" | "resume" | "note-start" | "deliver" | "tidy" | "release" }
  | { readonly do: "wait"; readonly why?: string }
  | { readonly do: "adopt"; readonly deploymentId: string }
  | { readonly do: "announce"; readonly status: DeploymentStatus }
  | { readonly do: "fail"; readonly why: string };

/**
 * Decides what to do about a deployment that an earlier process left behind.
 *
 * @see architecture section 2, "found at start"
 */
export function decideFound(found: FoundState): NextStep {
  const { record, lock } = found;
  // Whatever the lock says: this is owed to the server, and another deployment needs its place.
  if (record?.phase === "outcome_recorded") return { do: "deliver" };
  if (lock.kind === "unreadable") return { do: "wait", why: lock.why };
  if (lock.kind === "held" && !isHandedOverHere(record, lock.deploymentId)) {
    return { do: "adopt", deploymentId: lock.deploymentId };
  }
  if (record === undefined) return { do: "poll" };
  const isLocked = lock.kind === "held";
  switch (record.phase) {
    case "handing_over":
      return { do: found.isStartProven ? "note-start" : "start" };
    case "handed_over":
      return decideHandedOver(found, record, isLocked);
    case "acknowledged":
      if (!found.isTidy) return { do: "tidy" };
      if (!isLocked) return { do: "poll" };
      return { do: found.isRunning ? "wait" : "release" };
    case "aborted":
      return { do: found.isTidy ? "poll" : "tidy" };
    default:
      // Before the hand-off nothing outside was touched: the server offers the deployment again.
      return { do: "poll" };
  }
}

function decideHandedOver(
  found: FoundState,
  { announced }: DeploymentRecord,
  isLocked: boolean,
): NextStep {
  if (found.couldNotRun) return { do: "fail", why: "The sub-updater could not be run" };
  if (found.isRunning) return announced ? { do: "announce", status: announced } : { do: "wait" };
  if (!isLocked) return { do: "fail", why: "The sub-updater ended without a report" };
  if (found.application?.canResume === true) return { do: "resume" };
  if (found.application !== undefined) {
    return { do: "fail", why: "The application ended while it installed the Artifact" };
  }
  const { waitedMs, waitLimitMs } = found;
  if (waitLimitMs > 0 && waitedMs >= waitLimitMs) {
    const seconds = Math.round(waitLimitMs / 1000);
    return { do: "fail", why: `The sub-updater has not reported within ${seconds} s` };
  }
  return announced ? { do: "announce", status: announced } : { do: "wait" };
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
