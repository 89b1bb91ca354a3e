import { StoreError } from "../../lib/core/errors.ts";
import { type ArtifactInfo, readArtifactInfo } from "../../lib/store/artifact_info.ts";
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

function readKnown(context: CommandContext): ArtifactInfo {
  const info = readArtifactInfo(context.drivers.files, context.paths.artifactInfo);
  if (info.artifactName !== undefined) return info;
  throw new StoreError(
    "store.no-artifact-info",
    info.reason ?? "Cannot tell the installed Artifact",
    {
      hint: `Write artifact_name=<name> to ${context.paths.artifactInfo}`,
    },
  );
}
