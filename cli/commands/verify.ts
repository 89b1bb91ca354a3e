import type { KeyObject } from "node:crypto";
import { readVerifyKeys } from "../../lib/artifact/mod.ts";
import { readRequired } from "../../lib/device/required_file.ts";
import type { CommandContext } from "../command_context.ts";
import { printable } from "../printable.ts";
import { judgeArtifact, knownDevice } from "../verify/artifact_verdict.ts";
import { verdictJson, verdictLines } from "../verify/verdict_text.ts";

/** Options of `verify`. */
export interface VerifyOptions {
  /** Public keys in place of those of the configuration. */
  readonly key: readonly string[];
  readonly json?: true | undefined;
}

/**
 * Prints what an Artifact is, and whether it would be accepted on this device. Fails when it would not.
 */
export async function verify(
  context: CommandContext,
  file: string,
  options: VerifyOptions,
): Promise<number> {
  const { drivers, paths, signal } = context;
  const config = context.loadConfig();
  const keys = options.key.length > 0
    ? keysFrom(context, options.key, "--key")
    : keysFrom(context, config.artifactVerifyKeyFiles, "ArtifactVerifyKey");
  const { deviceTypeFile } = config;
  const device = knownDevice(drivers, { deviceTypeFile, artifactInfo: paths.artifactInfo });
  const verdict = await judgeArtifact(drivers, file, device, keys, signal);
  const lines = options.json === true
    ? [JSON.stringify(verdictJson(verdict), null, 2)]
    : verdictLines(verdict).map(oneLine);
  drivers.self.writeOut(lines.map((line) => printable(line) + "\n").join(""));
  if (verdict.problem !== undefined) throw verdict.problem;
  return 0;
}

/** All of them: one that cannot be used must not turn into none. */
function keysFrom(
  { drivers }: CommandContext,
  paths: readonly string[],
  namedBy: string,
): KeyObject[] {
  return readVerifyKeys(paths.map((path) => ({
    path,
    text: readRequired(drivers.files, path, "verify Artifacts", namedBy),
  })));
}

function oneLine(text: string): string {
  return text.replaceAll("\n", "\\n");
}
