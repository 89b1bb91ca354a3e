/** Statuses of a deployment on one device that a device may send (device-api section 4). */
export const DEVICE_STATUSES = [
  "downloading",
  "pause_before_installing",
  "installing",
  "pause_before_rebooting",
  "rebooting",
  "pause_before_committing",
  "success",
  "failure",
  "already-installed",
] as const;

/** One of {@link DEVICE_STATUSES}. */
export type DeploymentStatus = typeof DEVICE_STATUSES[number];

/** Statuses after which no other may be sent: the real server would reopen the deployment. */
export const FINAL_STATUSES = ["success", "failure", "already-installed"] as const;

/** One of {@link FINAL_STATUSES}. */
export type FinalStatus = typeof FINAL_STATUSES[number];

/** Whether a status ends the deployment on this device. */
export function isFinalStatus(status: string): status is FinalStatus {
  return (FINAL_STATUSES as readonly string[]).includes(status);
}
