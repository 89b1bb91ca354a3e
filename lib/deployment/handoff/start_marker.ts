import { join } from "../../core/posix_path.ts";
import { readText } from "../../runtime/files/file_driver.ts";
import type { HandoffRecord } from "../../store/deployment_record.ts";
import { storeFailure } from "../../store/store_failure.ts";
import type { DeploymentContext } from "../context.ts";

const APPLICATION = "application";
const MARKER_NAME = /^sub-updater\.[0-9A-Fa-f-]{1,64}\.started/;

/**
 * Path of the start marker of a deployment: the file that `handoff.sh` makes before it becomes the
 * sub-updater. It is the proof of the start, whatever happens to us meanwhile; and of two scripts for one
 * deployment only the one that has made it goes on.
 */
export function startMarkerPath(context: DeploymentContext, deploymentId: string): string {
  return join(context.paths.dataDirectory, `sub-updater.${deploymentId}.started`);
}

/**
 * The proof that the sub-updater was started for a deployment, or `undefined`. A marker that is there but
 * cannot be understood is proof as well; only the process cannot be recognised then.
 *
 * @throws {StoreError} Whether there is one cannot be told.
 */
export function readStartMarker(
  context: DeploymentContext,
  deploymentId: string,
): HandoffRecord | undefined {
  const path = startMarkerPath(context, deploymentId);
  try {
    const text = readText(context.drivers.files, path, 4096);
    return text === undefined ? undefined : parseStartMarker(text);
  } catch (error) {
    throw storeFailure("read the start marker", path, error);
  }
}

/** Whether the shell has told that the sub-updater could not be run. */
export function couldNotRun(context: DeploymentContext, deploymentId: string): boolean {
  const path = `${startMarkerPath(context, deploymentId)}.failed`;
  return context.drivers.files.stat(path) !== undefined;
}

/** The marker of an application that installs in our own process: it ends with us. */
export function applicationMarker(bootId: string): string {
  return `\n${bootId}\n\n${APPLICATION}\n`;
}

/** Removes the start markers of other deployments. */
export function clearStartMarkers(context: DeploymentContext, deploymentId: string): void {
  const { dataDirectory } = context.paths;
  const { files } = context.drivers;
  const own = startMarkerPath(context, deploymentId);
  try {
    for (const name of files.list(dataDirectory)) {
      const path = join(dataDirectory, name);
      if (MARKER_NAME.test(name) && path !== own) files.remove(path);
    }
  } catch (error) {
    throw storeFailure("remove old start markers", dataDirectory, error);
  }
}

function parseStartMarker(text: string): HandoffRecord {
  const [pid = "", bootId = "", startTime = "", kind = ""] = text.split("\n");
  return {
    bootId,
    ...(kind === APPLICATION && { isApplication: true }),
    ...(/^[1-9]\d{0,9}$/.test(pid) && { pid: Number(pid) }),
    ...(startTime !== "" && { startTime }),
  };
}
