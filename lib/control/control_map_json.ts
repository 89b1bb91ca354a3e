import { JsonSyntaxError, parseJsonText } from "../config/json_text.ts";
import { ControlError } from "../core/errors.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import {
  badMap,
  checkAction,
  checkMapId,
  checkPriority,
  CONTROL_ACTIONS,
  CONTROL_STATES,
  type ControlMap,
  controlMap,
  type ControlState,
  didYouMean,
  EXPIRE_ACTIONS,
  shown,
  type StateActions,
  stateActions,
} from "./control_map.ts";

/** A map is some hundred characters long; more than this is no map. */
export const MAX_MAP_LENGTH = 65_536;

const MAP_KEYS = ["id", "priority", "states"] as const;
const STATE_KEYS = ["action", "on_map_expire", "on_action_executed"] as const;

/**
 * Reads an Update Control Map as people, servers and other programs write it, fills in the defaults and
 * drops the points that say nothing.
 *
 * As strict as mender 3.x, and stricter where that is careless: it takes `null` for a map, ignores what
 * follows a map, reads keys in any letter case, and lets the last of repeated keys win. All of that is
 * refused here.
 *
 * @throws {ControlError} `control.not-json`, or `control.bad-map` with the path of the fault.
 * @see contracts/update-control.md section 1
 */
export function parseControlMap(text: string): ControlMap {
  if (text.length > MAX_MAP_LENGTH) {
    throw badMap("", `it is longer than ${MAX_MAP_LENGTH} characters`);
  }
  let parsed: ReturnType<typeof parseJsonText>;
  try {
    parsed = parseJsonText(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw notJson(error);
  }
  const [repeated] = parsed.repeatedKeys;
  if (repeated !== undefined) throw badMap(repeated, "this key is there twice");
  return readControlMap(parsed.value);
}

/**
 * Reads an Update Control Map that is part of another JSON text, such as a server's answer.
 *
 * @throws {ControlError} `control.bad-map`, with the path of the fault.
 */
export function readControlMap(value: unknown): ControlMap {
  if (!isJsonObject(value)) throw badMap("", `wanted a JSON object, found ${shown(value)}`);
  refuseUnknownKeys("", value, MAP_KEYS, "field");
  return controlMap(
    checkMapId(value.id),
    checkPriority(value.priority),
    readStates(value.states),
  );
}

/** Writes a map with every field, so that no reader has to know the defaults. */
export function controlMapJson(map: ControlMap): JsonObject {
  const { id, priority, states } = map;
  return {
    id,
    priority,
    states: Object.fromEntries(
      CONTROL_STATES.flatMap((state) => {
        const actions = states[state];
        return actions === undefined ? [] : [[state, {
          action: actions.action,
          on_map_expire: actions.onMapExpire,
          on_action_executed: actions.onActionExecuted,
        }]];
      }),
    ),
  };
}

/** {@link controlMapJson} as text. */
export function controlMapText(map: ControlMap): string {
  return JSON.stringify(controlMapJson(map));
}

function readStates(value: unknown): Partial<Record<ControlState, StateActions>> {
  if (value === undefined || value === null) return {};
  if (!isJsonObject(value)) throw badMap("states", `wanted a JSON object, found ${shown(value)}`);
  refuseUnknownKeys("states", value, CONTROL_STATES, "state");
  return Object.fromEntries(
    Object.entries(value).map((
      [state, actions],
    ) => [state, readActions(`states.${state}`, actions)]),
  );
}

function readActions(path: string, value: unknown): StateActions {
  // mender: null stands for a state without any field
  const actions = value ?? {};
  if (!isJsonObject(actions)) throw badMap(path, `wanted a JSON object, found ${shown(value)}`);
  refuseUnknownKeys(path, actions, STATE_KEYS, "field");
  const optional = <T extends string>(key: typeof STATE_KEYS[number], known: readonly T[]) => {
    const action = actions[key];
    return action === undefined || action === null || action === ""
      ? undefined
      : checkAction(`${path}.${key}`, action, known);
  };
  return stateActions(optional("action", CONTROL_ACTIONS) ?? "continue", {
    onMapExpire: optional("on_map_expire", EXPIRE_ACTIONS),
    onActionExecuted: optional("on_action_executed", CONTROL_ACTIONS),
  });
}

function refuseUnknownKeys(
  path: string,
  value: JsonObject,
  known: readonly string[],
  what: string,
): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const name = shown(key);
    throw badMap(path, `${name} is no ${what} of a map`, didYouMean(key, known));
  }
}

function notJson(error: JsonSyntaxError): ControlError {
  return new ControlError(
    "control.not-json",
    `Cannot use the Update Control Map: it is not JSON: ${error.message}`,
    { cause: error, retry: "never" },
  );
}
