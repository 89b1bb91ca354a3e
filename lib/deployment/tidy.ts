import { storeFailure } from "../store/store_failure.ts";
import type { DeploymentContext } from "./context.ts";
import { frozenLogs } from "./frozen_log.ts";

/** Whether nothing is left of an Artifact, and of the log of a failure. */
export function isTidy(context: DeploymentContext): boolean {
  return guarded(context, "look for what is left of a deployment", () => leftOvers(context))
    .length === 0;
}

/**
 * Removes what a deployment that is over has left: the Artifact, whole or in part, and the log that was
 * kept for its upload.
 *
 * @throws {StoreError} Something cannot be removed.
 */
export function tidy(context: DeploymentContext): void {
  guarded(context, "remove what is left of a deployment", () => {
    for (const path of leftOvers(context)) context.drivers.files.remove(path);
  });
}

function leftOvers(context: DeploymentContext): string[] {
  const { partFile, artifactFile } = context.paths;
  const { files } = context.drivers;
  const artifacts = [partFile, artifactFile].filter((path) => files.stat(path) !== undefined);
  return [...artifacts, ...frozenLogs(context)];
}

function guarded<T>(context: DeploymentContext, what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeFailure(what, context.paths.dataDirectory, error);
  }
}
