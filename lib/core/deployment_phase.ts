/**
 * Where a deployment stands on this device. Each phase is written durably *before* the outside effect
 * that it announces (architecture §2).
 */
export const DEPLOYMENT_PHASES = [
  /** The server offered it; nothing was done. */
  "received",
  /** The part file is being filled. */
  "downloading",
  /** All bytes are there. */
  "downloaded",
  /** The Artifact was checked whole and is for this device. */
  "verified",
  /** The sub-updater is about to be started, or was just started. */
  "handing_over",
  /** The sub-updater is known to have started. */
  "handed_over",
  /** Success or failure is known, the server may not know it yet. */
  "outcome_recorded",
  /** The server knows the outcome. */
  "acknowledged",
  /** The server took the deployment back before the hand-off. */
  "aborted",
] as const;

/** One of {@link DEPLOYMENT_PHASES}. */
export type DeploymentPhase = typeof DEPLOYMENT_PHASES[number];

const FOLLOWERS: Readonly<Record<DeploymentPhase, readonly DeploymentPhase[]>> = {
  received: ["downloading", "outcome_recorded", "aborted"],
  downloading: ["downloaded", "outcome_recorded", "aborted"],
  downloaded: ["verified", "outcome_recorded", "aborted"],
  verified: ["handing_over", "outcome_recorded", "aborted"],
  handing_over: ["handed_over", "outcome_recorded"],
  handed_over: ["outcome_recorded"],
  outcome_recorded: ["acknowledged"],
  acknowledged: [],
  aborted: [],
};

/** Whether a deployment may go from one phase to another; staying is no step. */
export function mayFollow(from: DeploymentPhase, to: DeploymentPhase): boolean {
  return FOLLOWERS[from].includes(to);
}

/** Whether nothing is left to do for a deployment in this phase. */
export function isEnded(phase: DeploymentPhase): boolean {
  return FOLLOWERS[phase].length === 0;
}
