import { ControlError } from "../core/errors.ts";
import { nearestName } from "../core/nearest_name.ts";

/** The points of an update at which the maps are asked, in the order in which they are reached. */
export const CONTROL_STATES = [
  "ArtifactInstall_Enter",
  "ArtifactReboot_Enter",
  "ArtifactCommit_Enter",
] as const;

/** One of {@link CONTROL_STATES}. */
export type ControlState = typeof CONTROL_STATES[number];

/** What a map may order at a point. */
export const CONTROL_ACTIONS = ["continue", "force_continue", "pause", "fail"] as const;

/** One of {@link CONTROL_ACTIONS}. */
export type ControlAction = typeof CONTROL_ACTIONS[number];

/** What a map may order once it has expired: nobody would be left to end a pause. */
export const EXPIRE_ACTIONS = ["continue", "force_continue", "fail"] as const;

/** One of {@link EXPIRE_ACTIONS}. */
export type ExpireAction = typeof EXPIRE_ACTIONS[number];

/** The orders of a map for one point. */
export interface StateActions {
  /** Now. */
  readonly action: ControlAction;
  /** Once the map has expired. */
  readonly onMapExpire: ExpireAction;
  /** From the moment on at which an update has asked here. */
  readonly onActionExecuted: ControlAction;
}

/**
 * An Update Control Map: what an update may do at its points. A map without states is the order to
 * delete the map of the same ID and priority.
 *
 * @see contracts/update-control.md section 1
 */
export interface ControlMap {
  /** UUID; compared as it is written, so letters in another case are another ID. */
  readonly id: string;
  /** -10 to 10; the highest that decides is obeyed. */
  readonly priority: number;
  /** Orders by point; a point that is absent is left to other maps. */
  readonly states: Readonly<Partial<Record<ControlState, StateActions>>>;
}

/** Lowest and highest priority of a map. */
export const PRIORITY_RANGE = { least: -10, most: 10 } as const;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text has the form of a UUID; version and variant are not looked at, as in mender. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * Fills in what is left out: on expiry a map goes on with its action, but a pause becomes a failure;
 * once executed, an action stays.
 */
export function stateActions(
  action: ControlAction,
  others: { onMapExpire?: ExpireAction | undefined; onActionExecuted?: ControlAction | undefined } =
    {},
): StateActions {
  return {
    action,
    onMapExpire: others.onMapExpire ?? (action === "pause" ? "fail" : action),
    onActionExecuted: others.onActionExecuted ?? action,
  };
}

/** Whether orders say nothing: such a point counts as absent. */
export function isInert({ action, onMapExpire, onActionExecuted }: StateActions): boolean {
  return action === "continue" && onMapExpire === "continue" && onActionExecuted === "continue";
}

/**
 * Makes a map of its parts, without the points that say nothing.
 *
 * @throws {ControlError} `control.bad-map`: the ID is no UUID, or the priority out of range.
 */
export function controlMap(
  id: string,
  priority: number,
  states: Readonly<Partial<Record<ControlState, StateActions>>>,
): ControlMap {
  return {
    id: checkMapId(id),
    priority: checkPriority(priority),
    states: Object.fromEntries(
      CONTROL_STATES.flatMap((state) => {
        const actions = states[state];
        return actions === undefined || isInert(actions) ? [] : [[state, { ...actions }]];
      }),
    ),
  };
}

/** Whether a map orders to delete the map of its ID and priority. */
export function isDeletion(map: ControlMap): boolean {
  return CONTROL_STATES.every((state) => map.states[state] === undefined);
}

/** The order to delete a map. */
export function deletionOf(map: Pick<ControlMap, "id" | "priority">): ControlMap {
  return controlMap(map.id, map.priority, {});
}

/** Whether one map takes the place of the other: same ID and same priority. */
export function isSameMap(
  a: Pick<ControlMap, "id" | "priority">,
  b: Pick<ControlMap, "id" | "priority">,
): boolean {
  return a.id === b.id && a.priority === b.priority;
}

/** Returns `id` when it is a UUID; throws `control.bad-map` otherwise. */
export function checkMapId(id: unknown): string {
  if (typeof id === "string" && isUuid(id)) return id;
  throw badMap("id", `wanted a UUID, found ${shown(id)}`);
}

/** Returns `priority` when it is in range, 0 when it is absent; throws `control.bad-map` otherwise. */
export function checkPriority(priority: unknown): number {
  const { least, most } = PRIORITY_RANGE;
  if (priority === undefined || priority === null) return 0;
  if (typeof priority === "number" && Number.isInteger(priority)) {
    // The second part turns -0 into 0, which is what other programs would read.
    if (priority >= least && priority <= most) return priority + 0;
  }
  throw badMap(
    "priority",
    `wanted a whole number from ${least} to ${most}, found ${shown(priority)}`,
  );
}

/** Returns `action` when it is one of `known`; throws `control.bad-map` otherwise. */
export function checkAction<T extends string>(
  path: string,
  action: unknown,
  known: readonly T[],
): T {
  const found = known.find((name) => name === action);
  if (found !== undefined) return found;
  throw badMap(
    path,
    `${shown(action)} is not one of ${known.join(", ")}`,
    didYouMean(action, known),
  );
}

/**
 * A map that breaks a rule.
 *
 * @param path Where, as in `states.ArtifactReboot_Enter.action`; empty for the map itself.
 */
export function badMap(path: string, reason: string, hint?: string): ControlError {
  const where = path === "" ? "" : `${path}: `;
  return new ControlError(
    "control.bad-map",
    `Cannot use the Update Control Map: ${where}${reason}`,
    {
      retry: "never",
      ...(hint !== undefined && { hint }),
    },
  );
}

/** The known name that a misspelt one most likely meant, as a hint. */
export function didYouMean(found: unknown, known: readonly string[]): string | undefined {
  const meant = typeof found === "string" && found !== "" ? nearestName(found, known) : undefined;
  return meant === undefined ? undefined : `Did you mean "${meant}"?`;
}

/** A value of a map, short enough for a message. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}\u2026` : text;
}
