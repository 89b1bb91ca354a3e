import { join } from "../core/posix_path.ts";
import { messageOf } from "../core/errors.ts";
import { addValues, type Attributes, parseKeyValue } from "../core/key_value.ts";
import type { Logger } from "../core/logger.ts";
import { errnoOf, type FileDriver } from "../runtime/files/file_driver.ts";
import { fileReason } from "../runtime/files/file_reason.ts";
import type { ProcessDriver } from "../runtime/processes/process_driver.ts";
import { readArtifactInfo } from "../store/artifact_info.ts";
import { readDeviceType } from "../store/device_type.ts";
import { unsafeReason } from "./script_safety.ts";
import { runKeyValueScript } from "./key_value_script.ts";

/** Time limit of one inventory script, that of mender-python-client. */
export const INVENTORY_TIMEOUT_MS = 100_000;

/** Characters of lines that are not understood that are shown at most, whole lines alone. */
const MAX_BAD_LINES_LENGTH = 2000;

/** Scripts that run at the same time, so that a slow one does not hold up all others. */
const SCRIPTS_AT_ONCE = 4;

/** Where the inventory comes from. */
export interface CollectInventoryOptions {
  /** Files of the machine. */
  readonly files: FileDriver;
  /** Starts the scripts. */
  readonly processes: ProcessDriver;
  /** Directory of the inventory scripts. */
  readonly directory: string;
  /** User that this process runs as. */
  readonly uid: number;
  /** File that holds the device type. */
  readonly deviceTypeFile: string;
  /** File that holds name and provides of the installed Artifact. */
  readonly artifactInfoFile: string;
  /** Version of this client, reported as `mender_client_version`. */
  readonly clientVersion: string;
  /** Hears of scripts that were left out. */
  readonly logger: Logger;
  /** Time limit of one script, {@link INVENTORY_TIMEOUT_MS} when absent. */
  readonly timeoutMs?: number;
  /** Ends the scripts early. */
  readonly signal?: AbortSignal;
}

/** What the device tells about itself. */
export interface Inventory {
  /** Attributes and their values. */
  readonly attributes: Attributes;
  /** Scripts whose output was left out, and why. */
  readonly skipped: readonly { readonly script: string; readonly reason: string }[];
}

/**
 * Runs every executable file of the inventory directory and merges what they print, in the order of
 * their names; values of a key that several scripts print add up. Then come `device_type`, all keys
 * of `artifact_info` and `mender_client_version`, which replace what a script said.
 *
 * A script that fails is left out with a warning, and so is a file that is not executable, or that
 * another user could have written; the others count. Links to files are followed. A directory that does
 * not exist is an empty one.
 *
 * @throws The reason of `signal` when it was aborted; nothing else.
 * @see client-behaviour A2, device-api section 2
 */
export async function collectInventory(options: CollectInventoryOptions): Promise<Inventory> {
  const { files, logger } = options;
  const skipped: { script: string; reason: string }[] = [];
  const attributes: Attributes = new Map();
  const outputs = await runAll(listScripts(options, skipped), options);
  for (const { script, text, error } of outputs) {
    if (text === undefined) {
      skipped.push({ script, reason: messageOf(error) });
      continue;
    }
    const parsed = parseKeyValue(text);
    tellBadLines(script, parsed.badLines, logger);
    for (const [key, values] of parsed.attributes) addValues(attributes, key, values);
  }
  for (const { script, reason } of skipped) {
    logger.log("warning", `Inventory without ${script}: ${reason}`);
  }

  const { deviceType } = readDeviceType(files, options.deviceTypeFile);
  if (deviceType !== undefined) attributes.set("device_type", [deviceType]);
  for (const [key, value] of readArtifactInfo(files, options.artifactInfoFile).provides) {
    attributes.set(key, [value]);
  }
  attributes.set("mender_client_version", [options.clientVersion]);
  return { attributes, skipped };
}

/** All in one record: a key that a script prints is known as one by its first line and its last. */
function tellBadLines(script: string, lines: readonly string[], logger: Logger): void {
  if (lines.length === 0) return;
  let room = MAX_BAD_LINES_LENGTH;
  const shown = lines.filter((line) => (room -= line.length) >= 0);
  const rest = lines.length - shown.length;
  const more = rest === 0 ? "" : `\n(and ${rest} more)`;
  logger.log("debug", `${script}: not key=value lines:\n${shown.join("\n")}${more}`);
}

function listScripts(
  { files, directory, uid }: CollectInventoryOptions,
  skipped: { script: string; reason: string }[],
): string[] {
  let names: string[];
  try {
    names = files.list(directory);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") skipped.push({ script: directory, reason: fileReason(error) });
    return [];
  }
  return names.map((name) => join(directory, name)).filter((script) => {
    try {
      const info = files.stat(script, { follow: true });
      if (info?.kind !== "file") return false;
      const reason = files.isExecutable(script) ? unsafeReason(info, uid) : "not executable";
      if (reason !== undefined) skipped.push({ script, reason });
      return reason === undefined;
    } catch (error) {
      skipped.push({ script, reason: fileReason(error) });
      return false;
    }
  });
}

type ScriptOutput =
  | { readonly script: string; readonly text: string; readonly error?: undefined }
  | { readonly script: string; readonly text?: undefined; readonly error: unknown };

/** Runs scripts, a few at a time; outputs come in the order of the scripts. */
async function runAll(
  scripts: readonly string[],
  { processes, logger, signal, timeoutMs = INVENTORY_TIMEOUT_MS }: CollectInventoryOptions,
): Promise<ScriptOutput[]> {
  const outputs: ScriptOutput[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < scripts.length; at = next++) {
      const script = scripts[at]!;
      const run = { processes, path: script, timeoutMs, logger, ...(signal && { signal }) };
      try {
        outputs[at] = { script, text: await runKeyValueScript(run) };
      } catch (error) {
        outputs[at] = { script, error };
      }
    }
  };
  await Promise.all(Array.from({ length: SCRIPTS_AT_ONCE }, worker));
  signal?.throwIfAborted();
  return outputs;
}
