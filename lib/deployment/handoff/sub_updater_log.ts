import type { FileHandle } from "../../runtime/files/file_driver.ts";
import type { DeploymentContext } from "../context.ts";

/** Size at which the log of the sub-updater is cut. */
const MAX_BYTES = 4 << 20;
/** What is kept of it then: as much as can be uploaded. */
const KEPT_BYTES = 1 << 20;

/**
 * Keeps `sub-updater.log` bounded while the sub-updater writes to it: its end stays. The writer appends,
 * so that it goes on behind what is kept; lines that come at the very moment may be lost.
 */
export function boundSubUpdaterLog(context: DeploymentContext): void {
  const { files } = context.drivers;
  const path = context.paths.subUpdaterLog;
  const found = files.stat(path);
  if (found?.kind !== "file" || found.sizeBytes <= MAX_BYTES) return;
  let handle: FileHandle | undefined;
  try {
    handle = files.open(path, "update");
    const tail = new Uint8Array(KEPT_BYTES);
    const count = handle.read(tail, found.sizeBytes - KEPT_BYTES);
    handle.truncate(0);
    handle.write(tail.subarray(0, count), 0);
  } catch (error) {
    context.logger.log("debug", "The log of the sub-updater cannot be shortened", {}, error);
  } finally {
    handle?.close();
  }
}
