import { type ControlMap, type ControlState, isDeletion, isSameMap } from "./control_map.ts";

/**
 * The Update Control Maps of a device and the rules by which they decide, as functions of maps, point
 * and time. Nothing here waits or stores.
 *
 * @see contracts/update-control.md section 3 and section 4
 * @module
 */

/** A map in a pool. Times are milliseconds of one clock, whichever the caller uses. */
export interface PoolEntry {
  /** The map, with each action as it stands by now. */
  readonly map: ControlMap;
  /** When it was set last. */
  readonly setAtMs: number;
  /** How long it lives after that. */
  readonly lifeMs: number;
  /** Whether its life is over: it goes on to act, by `onMapExpire`. */
  readonly isExpired: boolean;
}

/** All maps of a device. Of each ID and priority there is at most one. */
export type MapPool = readonly PoolEntry[];

/** What the maps say at a point. */
export type Verdict = "continue" | "pause" | "fail";

/** A verdict, and the pool after the question: asking moves maps on to `onActionExecuted`. */
export interface PoolAnswer {
  /** Whether the update may go on. */
  readonly verdict: Verdict;
  /** The pool from now on. */
  readonly pool: MapPool;
}

/** Puts a map in; one of the same ID and priority is replaced, or deleted when `map` has no states. */
export function setMap(pool: MapPool, map: ControlMap, nowMs: number, lifeMs: number): MapPool {
  const others = pool.filter((entry) => !isSameMap(entry.map, map));
  if (!isDeletion(map)) return [...others, { map, setAtMs: nowMs, lifeMs, isExpired: false }];
  return others.length === pool.length ? pool : others;
}

/** Removes the maps of an ID, whatever their priority: its deployment is over. */
export function removeMapsOf(pool: MapPool, id: string): MapPool {
  const others = pool.filter(({ map }) => map.id !== id);
  return others.length === pool.length ? pool : others;
}

/** Removes the maps that have expired: the device is idle, nothing is left for them to act on. */
export function dropExpired(pool: MapPool): MapPool {
  return pool.some(({ isExpired }) => isExpired)
    ? pool.filter(({ isExpired }) => !isExpired)
    : pool;
}

/** Marks the maps whose life is over. An expired map stays until {@link dropExpired}. */
export function expireMaps(pool: MapPool, nowMs: number): MapPool {
  const isDue = (entry: PoolEntry): boolean => !entry.isExpired && expiresInMs(entry, nowMs) <= 0;
  return pool.some(isDue)
    ? pool.map((entry) => isDue(entry) ? { ...entry, isExpired: true } : entry)
    : pool;
}

/**
 * Asks the maps whether an update may pass a point.
 *
 * From the highest priority down: of the maps that name the point, fail beats pause, pause beats
 * force_continue, and any of the three decides; a plain continue leaves the decision to the next
 * priority. Where nobody decides, the update goes on. Every map that was consulted takes the step to
 * its `onActionExecuted`, also one that was outvoted.
 */
export function askPool(pool: MapPool, state: ControlState, nowMs: number): PoolAnswer {
  const current = expireMaps(pool, nowMs);
  const levels = [...new Set(current.map(({ map }) => map.priority))].sort((a, b) => b - a);
  const consulted = new Set<PoolEntry>();
  let verdict: Verdict = "continue";
  for (const level of levels) {
    const entries = current.filter(({ map }) => map.priority === level && map.states[state]);
    for (const entry of entries) consulted.add(entry);
    const actions = entries.map((entry) => actionNow(entry, state));
    const decisive = (["fail", "pause", "force_continue"] as const)
      .find((action) => actions.includes(action));
    if (decisive === undefined) continue;
    verdict = decisive === "force_continue" ? "continue" : decisive;
    break;
  }
  const takesStep = (entry: PoolEntry): boolean => consulted.has(entry) && hasStep(entry, state);
  return {
    verdict,
    pool: current.some(takesStep)
      ? current.map((entry) => takesStep(entry) ? stepped(entry, state) : entry)
      : current,
  };
}

/** Milliseconds until a map expires; not above 0 when it has. */
export function expiresInMs({ setAtMs, lifeMs }: PoolEntry, nowMs: number): number {
  return setAtMs + lifeMs - nowMs;
}

/** Milliseconds until half of a map's life is over: it should have been set again by then. */
export function halfTimeInMs({ setAtMs, lifeMs }: PoolEntry, nowMs: number): number {
  return setAtMs + lifeMs / 2 - nowMs;
}

/**
 * How long an update that is held may wait before it has to ask again, if no map is set meanwhile: to
 * the next half-time or end of a map.
 *
 * @returns `undefined` when no map is alive: then nothing holds an update.
 */
export function nextLookMs(pool: MapPool, nowMs: number): number | undefined {
  const alive = pool.filter(({ isExpired }) => !isExpired);
  if (alive.length === 0) return undefined;
  return Math.max(
    0,
    Math.min(...alive.map((entry) => {
      const halfTime = halfTimeInMs(entry, nowMs);
      return halfTime > 0 ? halfTime : expiresInMs(entry, nowMs);
    })),
  );
}

/** Seconds within which a map of this life must be set again, as mender counts: half of it, rounded down. */
export function refreshSeconds(lifeMs: number): number {
  return Math.floor(Math.floor(lifeMs / 1000) / 2);
}

function actionNow({ map, isExpired }: PoolEntry, state: ControlState): string | undefined {
  const actions = map.states[state];
  return isExpired ? actions?.onMapExpire : actions?.action;
}

function hasStep({ map }: PoolEntry, state: ControlState): boolean {
  const actions = map.states[state];
  return actions !== undefined && actions.action !== actions.onActionExecuted;
}

function stepped(entry: PoolEntry, state: ControlState): PoolEntry {
  const actions = entry.map.states[state]!;
  const states = {
    ...entry.map.states,
    [state]: { ...actions, action: actions.onActionExecuted },
  };
  return { ...entry, map: { ...entry.map, states } };
}
