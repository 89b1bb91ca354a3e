import {
  type ControlAction,
  type ControlMap,
  controlMap,
  type ControlState,
  type ExpireAction,
  stateActions,
} from "../../lib/control/control_map.ts";

/** Points by their short names. */
export const POINTS = {
  install: "ArtifactInstall_Enter",
  reboot: "ArtifactReboot_Enter",
  commit: "ArtifactCommit_Enter",
} as const satisfies Record<string, ControlState>;

/** A short name of {@link POINTS}. */
export type Point = keyof typeof POINTS;

/** The ID that stands behind a letter: `A` is `aaaaaaaa-aaaa-…`. */
export function letterId(letter: string): string {
  return letter.repeat(36).replace(/^(.{8}).(.{4}).(.{4}).(.{4}).(.{12})$/, "$1-$2-$3-$4-$5")
    .replace(/[^-A-Fa-f]/g, "0");
}

/**
 * Reads a map in the notation of the worked examples: `A0:pause`, `B-5:continue ome fail oae pause`.
 * `ome` is on_map_expire, `oae` on_action_executed; `@commit` names a point other than install, `@all`
 * all three. `A0:` has no states: the order to delete.
 *
 * @param ids IDs of letters that stand for something else than {@link letterId} gives.
 */
export function notedMap(text: string, ids: Readonly<Record<string, string>> = {}): ControlMap {
  const match = /^([A-Za-z])(-?\d+):(\w*)((?: (?:ome|oae) \w+)*)(?: @(\w+))?$/.exec(text);
  if (match === null) throw new Error(`no such notation: ${text}`);
  const [, letter = "", priority, action = "", rest = "", point = "install"] = match;
  const option = (name: string): string | undefined => new RegExp(`${name} (\\w+)`).exec(rest)?.[1];
  const points = point === "all" ? Object.values(POINTS) : [POINTS[point as Point]];
  const actions = stateActions(action as ControlAction, {
    onMapExpire: option("ome") as ExpireAction | undefined,
    onActionExecuted: option("oae") as ControlAction | undefined,
  });
  return controlMap(
    ids[letter] ?? letterId(letter),
    Number(priority),
    action === "" ? {} : Object.fromEntries(points.map((state) => [state, actions])),
  );
}
