import { CONTROL_STATES, type ControlMap, isDeletion } from "../../lib/control/control_map.ts";
import { controlMapJson } from "../../lib/control/control_map_json.ts";
import type { ControllerState } from "../../lib/control/map_controller.ts";
import { durationText } from "../../lib/core/duration.ts";
import type { JsonObject } from "../../lib/core/json.ts";

/** Points as people call them. */
export const POINT_NAMES = {
  ArtifactInstall_Enter: "install",
  ArtifactReboot_Enter: "reboot",
  ArtifactCommit_Enter: "commit",
} as const;

/** The actions of a map on one line: `install pause, reboot continue, then pause`. */
export function actionsText(map: ControlMap): string {
  if (isDeletion(map)) return "nothing";
  return CONTROL_STATES.flatMap((state) => {
    const actions = map.states[state];
    if (actions === undefined) return [];
    const { action, onActionExecuted } = actions;
    const then = onActionExecuted === action ? "" : ` once, then ${onActionExecuted}`;
    return [`${POINT_NAMES[state]} ${action}${then}`];
  }).join(", ");
}

/** What a map does once it has expired, on one line. */
export function expiryText(map: ControlMap): string {
  const actions = CONTROL_STATES.flatMap((state) => {
    const onMapExpire = map.states[state]?.onMapExpire;
    return onMapExpire === undefined ? [] : [`${POINT_NAMES[state]} ${onMapExpire}`];
  });
  return actions.join(", ");
}

/** Where an order stands, on one line. */
export function stateText(state: ControllerState, nowMs: number): string {
  const { name, map, reason, nextAtMs, armedUntilMs } = state;
  const until = (atMs: number): string => durationText(atMs - nowMs);
  switch (name) {
    case "active":
      return `In effect: ${actionsText(map)}; ` +
        (armedUntilMs === undefined
          ? `set again in ${until(nextAtMs)}`
          : `armed for ${until(armedUntilMs)}`);
    case "lost":
      return `Lost: ${because(reason)}; next attempt in ${until(nextAtMs)}`;
    case "refused":
      return `Refused: ${because(reason)}; next attempt in ${until(nextAtMs)}`;
    case "pending":
      return reason === undefined
        ? `Setting: ${actionsText(map)}`
        : `Not confirmed: ${because(reason)}; next attempt in ${until(nextAtMs)}`;
  }
}

/** Where an order stands, for programs; times in seconds from now. */
export function stateJson(state: ControllerState, nowMs: number): JsonObject {
  const { name, map, reason, nextAtMs, expiresAtMs, armedUntilMs } = state;
  const inSeconds = (atMs: number): number => Math.max(0, Math.round((atMs - nowMs) / 1000));
  return {
    state: name,
    ...(reason !== undefined && { code: reason.code, reason: reason.message }),
    next_in_s: inSeconds(nextAtMs),
    ...(expiresAtMs !== undefined && { expires_in_s: inSeconds(expiresAtMs) }),
    ...(armedUntilMs !== undefined && { armed_for_s: inSeconds(armedUntilMs) }),
    map: controlMapJson(map),
  };
}

/** What becomes of the map when nobody keeps it in effect any more. */
export function farewellText(state: ControllerState | undefined, nowMs: number): string {
  if (state === undefined || state.expiresAtMs === undefined) {
    return "No map is known to be in effect";
  }
  const { map, expiresAtMs } = state;
  return `The map expires in ${durationText(expiresAtMs - nowMs)}, then: ${expiryText(map)}`;
}

function because(reason: ControllerState["reason"]): string {
  if (reason === undefined) return "for no known reason";
  return reason.hint === undefined ? reason.message : `${reason.message} (${reason.hint})`;
}
