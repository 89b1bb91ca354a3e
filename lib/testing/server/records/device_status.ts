import { DEVICE_STATUSES, isFinalStatus } from "../../../core/deployment_status.ts";

/** Statuses of a deployment on a device in the server's order; each is counted in the statistics. */
export const COUNTED_STATUSES = [
  "pending",
  ...DEVICE_STATUSES,
  "noartifact",
  "aborted",
  "decommissioned",
] as const;

/** Whether a deployment is over on a device; beside the device's own final words the server has some. */
export function isOver(status: string): boolean {
  return isFinalStatus(status) || SERVER_FINAL.has(status);
}

/** Whether a device may send a status at all. */
export function isDeviceStatus(status: unknown): status is string {
  return (DEVICE_STATUSES as readonly unknown[]).includes(status);
}

/** Whether a status was set by the server and ends the deployment against the device's will. */
export function isWithdrawn(status: string): boolean {
  return status === "aborted" || status === "decommissioned";
}

/**
 * What is wrong with a status that follows another, although the real server takes it.
 *
 * The order is that of an update. `installing` may come late and twice: clients send it just before
 * the commit to learn of an abort (device-api §4).
 *
 * @param current Status so far, `pending` at first.
 * @param reported Status that the device sends.
 * @returns The violation in words, or `undefined` when the step is a good one.
 */
export function misstep(current: string, reported: string): string | undefined {
  if (isOver(current)) {
    return `status ${reported} after the final status ${current}`;
  }
  if (reported === "installing" && ORDER.indexOf(current) >= ORDER.indexOf("installing")) {
    return undefined;
  }
  if (current === reported) return `status ${reported} was sent before`;
  if (isFinalStatus(reported)) return undefined;
  return ORDER.indexOf(reported) < ORDER.indexOf(current)
    ? `status ${reported} after ${current}`
    : undefined;
}

const SERVER_FINAL = new Set(["noartifact", "aborted", "decommissioned"]);

const ORDER = ["pending", ...DEVICE_STATUSES] as readonly string[];
