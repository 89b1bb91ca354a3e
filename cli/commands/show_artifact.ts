import { StoreError } from "../../lib/core/errors.ts";
import { type ArtifactInfo, readArtifactInfo } from "../../lib/store/artifact_info.ts";
import { errnoOf } from "../../lib/runtime/files/file_driver.ts";
import type { CommandContext } from "../command_context.ts";

/** Prints the name of the installed Artifact, and nothing else, on standard output. */
export function showArtifact(context: CommandContext): number {
  context.drivers.self.writeOut(`${readKnown(context).artifactName}\n`);
  return 0;
}

/** Prints what the installed Artifact provides as sorted `key=value` lines on standard output. */
export function showProvides(context: CommandContext): number {
  const lines = [...readKnown(context).provides].map(([key, value]) => `${key}=${value}\n`);
  context.drivers.self.writeOut(lines.sort().join(""));
  return 0;
}

function readKnown({ drivers, paths }: CommandContext): ArtifactInfo {
  const path = paths.artifactInfo;
  const info = readArtifactInfo(drivers.files, path);
  if (info.artifactName !== undefined) return info;
  throw new StoreError(
    "store.no-artifact-info",
    info.reason ?? "Cannot tell the installed Artifact",
    { cause: info.cause, hint: hintFor(errnoOf(info.cause), path) },
  );
}

function hintFor(errno: string | undefined, path: string): string {
  switch (errno) {
    case undefined:
      return `Write artifact_name=<name> to ${path}`;
    case "EACCES":
    case "EPERM":
      return `Run as a user who may read ${path}`;
    case "ENOTCAPABLE":
      return `Permit it with --allow-read=${path}`;
    default:
      return `Put a regular file with the line artifact_name=<name> at ${path}`;
  }
}
