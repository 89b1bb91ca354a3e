import {
  CONTROL_STATES,
  type ControlMap,
  type ControlState,
} from "../../lib/control/control_map.ts";
import { controlMapJson } from "../../lib/control/control_map_json.ts";
import { askPool, type MapPool, setMap, type Verdict } from "../../lib/control/map_pool.ts";
import { messageOf } from "../../lib/core/errors.ts";
import type { JsonObject } from "../../lib/core/json.ts";
import type { CommandContext } from "../command_context.ts";
import { mapFrom } from "../flow/map_source.ts";
import { actionsText } from "../flow/state_text.ts";
import { printable } from "../printable.ts";

/** Options of `flow check`. */
export interface FlowCheckOptions {
  readonly json?: true | undefined;
}

/** What maps together say at a point. */
interface Outlook {
  /** To the first update that asks. */
  readonly now: Verdict;
  /** To the second. */
  readonly again: Verdict;
  /** Once all maps have expired. */
  readonly expired: Verdict;
}

const LIFE_MS = 1000;

/** Checks maps and prints what they say together, point by point; no bus is needed. */
export async function flowCheck(
  context: CommandContext,
  files: readonly string[],
  options: FlowCheckOptions,
): Promise<number> {
  const { drivers } = context;
  const maps: ControlMap[] = [];
  let wrong = 0;
  for (const file of files) {
    try {
      maps.push(await mapFrom(context, file));
    } catch (error) {
      if (context.signal.aborted) throw error;
      wrong++;
      drivers.self.writeError(printable(`Error: ${messageOf(error)}\n`));
    }
  }
  if (wrong > 0) return 1;
  const pool = maps.reduce<MapPool>((before, map) => setMap(before, map, 0, LIFE_MS), []);
  const text = options.json === true ? jsonText(maps, pool) : tableText(maps, pool);
  drivers.self.writeOut(printable(text));
  return 0;
}

function outlook(pool: MapPool, state: ControlState): Outlook {
  const first = askPool(pool, state, 0);
  return {
    now: first.verdict,
    again: askPool(first.pool, state, 0).verdict,
    expired: askPool(pool, state, LIFE_MS).verdict,
  };
}

function jsonText(maps: readonly ControlMap[], pool: MapPool): string {
  const states: JsonObject = {};
  for (const state of CONTROL_STATES) {
    const { now, again, expired } = outlook(pool, state);
    states[state] = { action: now, again, expired };
  }
  return `${JSON.stringify({ maps: maps.map(controlMapJson), states }, null, 2)}\n`;
}

function tableText(maps: readonly ControlMap[], pool: MapPool): string {
  const rows = [
    ["", "now", "asked again", "expired"],
    ...CONTROL_STATES.map((state) => {
      const { now, again, expired } = outlook(pool, state);
      return [state, now, again, expired];
    }),
  ];
  const widths = [21, 8, 11, 0];
  return [
    ...maps.map((map) => `${map.id}  priority ${map.priority}: ${actionsText(map)}`),
    "",
    ...rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ").trimEnd()),
    "",
  ].join("\n");
}
