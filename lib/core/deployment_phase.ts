/**
 * Where a deployment stands on this device. Each phase is written durably *before* the outside effect
 * that it announces (architecture section 2); which one follows which is told by `lib/deployment/lifecycle.ts`.
 */
export const DEPLOYMENT_PHASES = [
  /** The server offered it; nothing was done. */
  "received",
  /** The part file is being filled. */
  "downloading",
  /** All bytes are there, and were checked. */
  "downloaded",
  /** The Artifact is in its place. */
  "verified",
  /** An Update Control Map keeps it from being installed. */
  "held",
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

/** Whether a deployment in this phase has come to its end on this device, and the server knows it. */
export function isOver(phase: string): boolean {
  return phase === "acknowledged" || phase === "aborted";
}
