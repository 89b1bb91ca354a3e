import { JsonSyntaxError, parseJsonText } from "../config/json_text.ts";
import { ControlError, messageOf } from "../core/errors.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { controlMapJson, readControlMap } from "./control_map_json.ts";
import { type MapPool, setMap } from "./map_pool.ts";

/**
 * Writes a pool as mender keeps it in its database: `{"active":[...],"expired":[...]}`. Ages are not in it.
 *
 * @returns `undefined` for an empty pool: nothing has to be kept.
 */
export function poolText(pool: MapPool): string | undefined {
  if (pool.length === 0) return undefined;
  const of = (isExpired: boolean): JsonObject[] =>
    pool.filter((entry) => entry.isExpired === isExpired).map(({ map }) => controlMapJson(map));
  return JSON.stringify({ active: of(false), expired: of(true) });
}

/**
 * Reads a pool after a start. Active maps get a new life; expired ones stay expired.
 *
 * A map that says nothing any more (its last step led to continue) is left out.
 *
 * @param lifeMs How long the active maps live from now on: nobody knows how long the device was off.
 * @throws {ControlError} `control.bad-pool`: the text is no pool.
 */
export function readPool(text: string, nowMs: number, lifeMs: number): MapPool {
  try {
    const { value } = parseJsonText(text);
    if (!isJsonObject(value)) throw badPool("wanted a JSON object");
    const active = listOf(value, "active").map(readControlMap);
    const expired = listOf(value, "expired").map(readControlMap);
    let pool: MapPool = [];
    for (const map of expired) pool = setMap(pool, map, nowMs, 0);
    pool = pool.map((entry) => ({ ...entry, isExpired: true }));
    for (const map of active) pool = setMap(pool, map, nowMs, lifeMs);
    return pool;
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof ControlError) {
      throw error instanceof ControlError && error.code === "control.bad-pool"
        ? error
        : badPool(messageOf(error), error);
    }
    throw error;
  }
}

function listOf(value: JsonObject, key: "active" | "expired"): readonly unknown[] {
  const list = value[key] ?? [];
  if (Array.isArray(list)) return list;
  throw badPool(`${key}: wanted a list`);
}

function badPool(reason: string, cause?: unknown): ControlError {
  return new ControlError("control.bad-pool", `Cannot read the stored maps: ${reason}`, {
    cause,
    retry: "never",
  });
}
