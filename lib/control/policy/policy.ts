import { JsonSyntaxError, parseJsonText } from "../../config/json_text.ts";
import { ControlError } from "../../core/errors.ts";
import { isJsonObject, type JsonObject } from "../../core/json.ts";
import { isTimeZone } from "../../core/local_time.ts";
import { CONTROL_STATES, type ControlState, didYouMean, shown } from "../control_map.ts";
import { MAX_MAP_LENGTH } from "../control_map_json.ts";
import type { MaintenanceWindow } from "./window.ts";

/** What has to be true for an update to pass a point: all that is given. */
export interface StatePolicy {
  /** One of these windows is open. */
  readonly windows?: readonly MaintenanceWindow[];
  /** This command exits with 0: an absolute path, then arguments. */
  readonly command?: readonly string[];
  /** Somebody has confirmed it, for one update. */
  readonly needsConfirmation?: boolean;
}

/** Rules by point, from which maps are made over time. */
export interface Policy {
  /** Time zone of the windows, as in `Europe/Berlin`; the machine's own when absent. */
  readonly timeZone?: string;
  /** Rules by point; updates pass a point that has none. */
  readonly states: Readonly<Partial<Record<ControlState, StatePolicy>>>;
}

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const TIME = /^([01]\d|2[0-4]):([0-5]\d)$/;

/**
 * Reads a policy.
 *
 * @throws {ControlError} `control.bad-policy`, with the path of the fault.
 */
export function parsePolicy(text: string): Policy {
  if (text.length > MAX_MAP_LENGTH) throw bad("", `it is longer than ${MAX_MAP_LENGTH} characters`);
  let parsed: ReturnType<typeof parseJsonText>;
  try {
    parsed = parseJsonText(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw bad("", `it is not JSON: ${error.message}`);
  }
  const [repeated] = parsed.repeatedKeys;
  if (repeated !== undefined) throw bad(repeated, "this key is there twice");
  const policy = objectAt("", parsed.value, ["time_zone", "states"]);
  const timeZone = policy.time_zone;
  if (timeZone !== undefined && (typeof timeZone !== "string" || !isTimeZone(timeZone))) {
    throw bad("time_zone", `wanted a time zone as in "Europe/Berlin", found ${shown(timeZone)}`);
  }
  const states = objectAt("states", policy.states, CONTROL_STATES);
  const entries = Object.entries(states);
  if (entries.length === 0) throw bad("states", "wanted rules for one state at least, found none");
  return {
    ...(timeZone !== undefined && { timeZone }),
    states: Object.fromEntries(
      entries.map(([state, rules]) => [state, stateAt(`states.${state}`, rules)]),
    ),
  };
}

function stateAt(path: string, value: unknown): StatePolicy {
  const rules = objectAt(path, value, ["windows", "while", "confirm"]);
  const { windows, while: command, confirm } = rules;
  if (Object.keys(rules).length === 0) throw bad(path, "wanted windows, while or confirm");
  if (confirm !== undefined && typeof confirm !== "boolean") {
    throw bad(`${path}.confirm`, `wanted true or false, found ${shown(confirm)}`);
  }
  return {
    ...(windows !== undefined && {
      windows: listAt(`${path}.windows`, windows).map((window, at) =>
        windowAt(`${path}.windows[${at}]`, window)
      ),
    }),
    ...(command !== undefined && { command: commandAt(`${path}.while`, command) }),
    ...(confirm === true && { needsConfirmation: true }),
  };
}

function windowAt(path: string, value: unknown): MaintenanceWindow {
  const { days, date, from, to } = objectAt(path, value, ["days", "date", "from", "to"]);
  const times = { from: timeAt(`${path}.from`, from), to: timeAt(`${path}.to`, to) };
  if (times.from === 1440) throw bad(`${path}.from`, 'wanted a time before "24:00"');
  if (times.from === times.to) throw bad(path, "it never opens: from and to are the same");
  return {
    ...times,
    // 00:00 as an end is that of the same day.
    to: times.to === 0 ? 1440 : times.to,
    ...(days !== undefined && {
      days: listAt(`${path}.days`, days).map((day, at) => dayAt(`${path}.days[${at}]`, day)),
    }),
    ...(date !== undefined && { date: dateAt(`${path}.date`, date) }),
  };
}

function timeAt(path: string, value: unknown): number {
  const match = typeof value === "string" ? TIME.exec(value) : null;
  const minute = Number(match?.[1] ?? NaN) * 60 + Number(match?.[2] ?? NaN);
  if (minute <= 1440) return minute;
  throw bad(path, `wanted a time as in "22:30", found ${shown(value)}`);
}

function dayAt(path: string, value: unknown): number {
  const day = DAYS.findIndex((name) => name === value);
  if (day >= 0) return day;
  throw bad(path, `${shown(value)} is not one of ${DAYS.join(", ")}`, didYouMean(value, DAYS));
}

function dateAt(path: string, value: unknown): string {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value)) {
    const instant = Date.parse(`${value}T00:00:00Z`);
    if (!Number.isNaN(instant) && new Date(instant).toISOString().startsWith(value)) return value;
  }
  throw bad(path, `wanted a date as in "2027-03-28", found ${shown(value)}`);
}

function commandAt(path: string, value: unknown): readonly string[] {
  const words = listAt(path, value);
  const [program] = words;
  if (!words.every((word) => typeof word === "string")) {
    throw bad(path, "wanted a list of texts: a program and its arguments");
  }
  if (typeof program === "string" && program.startsWith("/")) return words as string[];
  throw bad(`${path}[0]`, `wanted the absolute path of a program, found ${shown(program)}`);
}

function objectAt(path: string, value: unknown, known: readonly string[]): JsonObject {
  if (!isJsonObject(value)) throw bad(path, `wanted a JSON object, found ${shown(value)}`);
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    throw bad(
      path,
      `${shown(key)} is not one of ${known.join(", ")}`,
      didYouMean(key, known),
    );
  }
  return value;
}

function listAt(path: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw bad(path, `wanted a list with something in it, found ${shown(value)}`);
}

function bad(path: string, reason: string, hint?: string): ControlError {
  const where = path === "" ? "" : `${path}: `;
  return new ControlError("control.bad-policy", `Cannot use the policy: ${where}${reason}`, {
    retry: "never",
    ...(hint !== undefined && { hint }),
  });
}
