import { HandoffError } from "../../core/errors.ts";
import type { DeploymentContext } from "../context.ts";

/**
 * Checks that there is a sub-updater that can be started, before anything is promised to the server; an
 * application in its place is always there.
 *
 * @throws {HandoffError} `handoff.missing-sub-updater`, `handoff.not-executable`.
 */
export function checkSubUpdater(context: DeploymentContext): void {
  if (context.application !== undefined) return;
  const { files } = context.drivers;
  const path = context.paths.installScript;
  const found = files.stat(path, { follow: true });
  if (found?.kind !== "file") {
    throw new HandoffError(
      "handoff.missing-sub-updater",
      `Cannot hand over the Artifact: there is no sub-updater at ${path}`,
      { hint: "Install a program there that takes the path of the Artifact", retry: "never" },
    );
  }
  if (!files.isExecutable(path)) {
    throw new HandoffError(
      "handoff.not-executable",
      `Cannot hand over the Artifact: ${path} is not executable`,
      { hint: `Run: chmod 755 ${path}`, retry: "never" },
    );
  }
}
