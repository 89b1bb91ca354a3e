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

/** A status and the free text that came with it. */
export interface ReportedStatus {
  /** Status in the server's spelling. */
  readonly status: string;
  /** Free text. */
  readonly substate?: string | undefined;
}

/**
 * What is wrong with a status that follows another, although the real server takes it.
 *
 * The order is that of an update. `installing` may come late: clients send it just before the commit
 * to learn of an abort. A status that is the current one changes nothing, be it final or not, and so
 * is no misstep; but a changed substate is lost with it (device-api section 4).
 *
 * @param current Status so far, `pending` at first.
 * @param reported Status that the device sends.
 * @returns The violation in words, or `undefined` when the step is a good one.
 */
export function misstep(current: ReportedStatus, reported: ReportedStatus): string | undefined {
  const { status } = reported;
  if (status === current.status) {
    return reported.substate === undefined || reported.substate === current.substate
      ? undefined
      : `substate of status ${status} changed without the status, and is lost`;
  }
  if (isOver(current.status)) return `status ${status} after the final status ${current.status}`;
  if (isFinalStatus(status)) return undefined;
  const isLate = ORDER.indexOf(status) < ORDER.indexOf(current.status);
  return isLate && status !== "installing" ? `status ${status} after ${current.status}` : undefined;
}

const SERVER_FINAL = new Set(["noartifact", "aborted", "decommissioned"]);

const ORDER = ["pending", ...DEVICE_STATUSES] as readonly string[];
