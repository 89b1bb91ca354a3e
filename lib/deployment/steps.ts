/**
 * Everything that is wanted once there is a deployment, loaded at one time: a sub-updater may replace the
 * program while it runs, and code of two versions must not meet in one process.
 *
 * @module
 */
export { announceHeld } from "./announce_held.ts";
export { announceStatus } from "./announce_status.ts";
export { deliverReport } from "./deliver_report.ts";
export { runDeployment } from "./deployment_run.ts";
export { takeFoundStep } from "./take_found_step.ts";
