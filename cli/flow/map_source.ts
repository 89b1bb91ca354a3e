import {
  CONTROL_ACTIONS,
  type ControlAction,
  type ControlMap,
  EXPIRE_ACTIONS,
} from "../../lib/control/control_map.ts";
import { MAX_MAP_LENGTH, parseControlMap } from "../../lib/control/control_map_json.ts";
import {
  type ActionsByState,
  keepingOrder,
  type MapOrder,
  orderActions,
  type OrderOptions,
  pauseAll,
} from "../../lib/control/map_order.ts";
import { checkAction, checkMapId, checkPriority } from "../../lib/control/control_map.ts";
import { isMenderError, UsageError } from "../../lib/core/errors.ts";
import { readText } from "../../lib/runtime/files/file_driver.ts";
import { fileReason } from "../../lib/runtime/files/file_reason.ts";
import { controlMapId } from "../../lib/store/control_map_id.ts";
import type { CommandContext } from "../command_context.ts";

/** Options that say whose map it is. */
export interface MapOwnerOptions {
  readonly priority?: string | undefined;
  readonly id?: string | undefined;
  readonly onExpire?: string | undefined;
}

/** Options that make a map. */
export interface MapActionOptions extends MapOwnerOptions {
  readonly install?: string | undefined;
  readonly reboot?: string | undefined;
  readonly commit?: string | undefined;
  readonly after?: string | undefined;
}

/**
 * The order that a command line describes: that of a file, that of options, or a pause at all points.
 *
 * @param file A file, `-` for standard input, or nothing.
 * @throws {UsageError} `usage.flow`, `usage.bad-map`.
 */
export async function orderFrom(
  context: CommandContext,
  file: string | undefined,
  options: MapActionOptions,
): Promise<MapOrder> {
  if (file !== undefined) {
    refuseBeside("a map", options, [
      "install",
      "reboot",
      "commit",
      "after",
      "onExpire",
      "priority",
      "id",
    ]);
    return keepingOrder(await mapFrom(context, file));
  }
  const { install, reboot, commit, after } = options;
  const actions = byState(install, reboot, commit);
  const afterwards = after === undefined ? undefined : actionOf("--after", after);
  const hasActions = Object.keys(actions).length > 0;
  if (!hasActions && afterwards !== undefined) {
    throw new UsageError("usage.flow", "Cannot use --after without an action that it comes after", {
      hint: "Name one with --install, --reboot or --commit",
    });
  }
  const owner = await ownerFrom(context, options);
  if (!hasActions) return pauseAll(owner);
  return orderActions(
    actions,
    owner,
    afterwards === undefined
      ? {}
      : Object.fromEntries(Object.keys(actions).map((state) => [state, afterwards])),
  );
}

/**
 * Whose map it is. All options are looked at before the device's ID is, which may be made then.
 *
 * @throws {UsageError} `usage.bad-map`.
 * @throws {StoreError} The device has no ID for its maps, and none can be made.
 */
export async function ownerFrom(
  { drivers, paths }: CommandContext,
  { priority, id, onExpire }: MapOwnerOptions,
): Promise<OrderOptions> {
  const checked = asUsage(() => ({
    ...(priority !== undefined && { priority: checkPriority(numberIn(priority)) }),
    ...(id !== undefined && { id: checkMapId(id) }),
    ...(onExpire !== undefined && {
      onExpire: checkAction("--on-expire", onExpire, EXPIRE_ACTIONS),
    }),
  }));
  if (checked.id !== undefined) return { ...checked, id: checked.id };
  const { files, clock, random } = drivers;
  const path = paths.controlMapId;
  return { ...checked, id: await controlMapId({ files, clock, path, uuid: random.uuid }) };
}

/**
 * Reads a map.
 *
 * @param file A file, or `-` for standard input.
 * @throws {UsageError} `usage.bad-map`: it cannot be read, or is no map.
 */
export async function mapFrom(context: CommandContext, file: string): Promise<ControlMap> {
  const text = file === "-" ? await inputText(context) : fileText(context, file);
  return asUsage(() => parseControlMap(text), file === "-" ? undefined : file);
}

/** Refuses options that belong to another source than the one that is used. */
export function refuseBeside<T extends object>(
  what: string,
  options: T,
  names: readonly (keyof T & string)[],
): void {
  const beside = names.find((name) => options[name] !== undefined);
  if (beside === undefined) return;
  const option = `--${beside.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new UsageError("usage.flow", `Cannot use ${option} beside ${what}: wanted one source`);
}

/** Turns what is wrong with a map into what is wrong with the command line: exit code 2. */
export function asUsage<T>(work: () => T, source?: string): T {
  try {
    return work();
  } catch (error) {
    if (!isMenderError(error, "control.")) throw error;
    const message = source === undefined ? error.message : `${source}: ${error.message}`;
    throw new UsageError("usage.bad-map", message, {
      cause: error,
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  }
}

/** Reads a small text file that the command line names. */
export function fileText({ drivers }: CommandContext, path: string): string {
  let why: string;
  try {
    const text = readText(drivers.files, path, MAX_MAP_LENGTH, { follow: true });
    if (text !== undefined) return text;
    why = "there is no such file";
  } catch (error) {
    why = fileReason(error);
  }
  throw new UsageError("usage.bad-map", `Cannot read ${path}: ${why}`);
}

async function inputText({ drivers, signal }: CommandContext): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await drivers.self.readInput(MAX_MAP_LENGTH, signal);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(
      "usage.bad-map",
      `Cannot read standard input: it is larger than ${MAX_MAP_LENGTH} bytes`,
    );
  }
  const text = new TextDecoder().decode(bytes);
  if (text.trim() !== "") return text;
  throw new UsageError("usage.bad-map", "Cannot read a map: standard input is empty");
}

function byState(
  install: string | undefined,
  reboot: string | undefined,
  commit: string | undefined,
): ActionsByState {
  return {
    ...(install !== undefined && { ArtifactInstall_Enter: actionOf("--install", install) }),
    ...(reboot !== undefined && { ArtifactReboot_Enter: actionOf("--reboot", reboot) }),
    ...(commit !== undefined && { ArtifactCommit_Enter: actionOf("--commit", commit) }),
  };
}

function actionOf(option: string, action: string): ControlAction {
  return asUsage(() => checkAction(option, action, CONTROL_ACTIONS));
}

/** A number as it is written, or the text itself, which is then refused as it is written. */
function numberIn(text: string): unknown {
  return /^-?\d+$/.test(text.trim()) ? Number(text) : text;
}
