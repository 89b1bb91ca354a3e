import type { Clock } from "../runtime/clock.ts";
import { onAbort } from "../runtime/on_abort.ts";
import { ControlError } from "../core/errors.ts";
import { type ControlMap, type ControlState, isDeletion, isSameMap } from "./control_map.ts";
import {
  askPool,
  dropExpired,
  expireMaps,
  type MapPool,
  nextLookMs,
  refreshSeconds,
  removeMapsOf,
  setMap,
  type Verdict,
} from "./map_pool.ts";
import { poolText, readPool } from "./stored_pool.ts";

/** What a {@link LivePool} works with. */
export interface LivePoolOptions {
  /** Time; maps live by its monotonic side. */
  readonly clock: Clock;
  /** Life of a map that is set (`UpdateControlMapExpirationTimeSeconds` x 1000). */
  readonly lifeMs: number;
  /** What {@link LivePoolOptions.store} was given last, before the start. */
  readonly stored?: string | undefined;
  /** Life of the stored maps from the start on (`UpdateControlMapBootExpirationTimeSeconds` x 1000). */
  readonly bootLifeMs?: number;
  /**
   * Keeps the pool over a restart; `undefined` means that nothing has to be kept. Called before a change
   * takes effect: when it throws, there is no change.
   */
  readonly store?: (text: string | undefined) => void;
}

/** Far more than a device has applications; each is stored at every change. */
const MAX_MAPS = 128;

/** Life of stored maps from the start on when nothing is configured, as in mender. */
const BOOT_LIFE_MS = 600_000;

/**
 * The maps of this device while it runs: asked by the update, changed by applications and the server, and
 * waited at by an update that is held.
 */
export class LivePool {
  readonly #options: LivePoolOptions;
  readonly #listeners = new Set<() => void>();
  #pool: MapPool = [];
  #revision = 0;

  /**
   * Starts with the stored maps.
   *
   * @throws {ControlError} `control.bad-pool`: what is stored cannot be read.
   */
  constructor(options: LivePoolOptions) {
    this.#options = options;
    const { stored, bootLifeMs = BOOT_LIFE_MS } = options;
    if (stored !== undefined) this.#pool = readPool(stored, this.#now(), bootLifeMs);
  }

  /** The time of this pool's clock, to which the times of its maps belong. */
  get nowMs(): number {
    return this.#now();
  }

  /** The maps as they stand now. */
  get maps(): MapPool {
    this.#replace(expireMaps(this.#pool, this.#now()));
    return this.#pool;
  }

  /** Grows whenever a map is set, deleted or expires; see {@link changedSince}. */
  get revision(): number {
    this.#replace(expireMaps(this.#pool, this.#now()));
    return this.#revision;
  }

  /**
   * Puts a map in; one without states deletes the map of its ID and priority.
   *
   * @throws {ControlError} `control.too-many-maps`: somebody fills the pool.
   * @returns Seconds within which it has to be set again; 0 when maps live too short for that.
   */
  set(map: ControlMap): number {
    const { lifeMs } = this.#options;
    const isNew = !isDeletion(map) && !this.#pool.some((entry) => isSameMap(entry.map, map));
    if (isNew && this.#pool.length >= MAX_MAPS) throw tooManyMaps();
    this.#replace(setMap(expireMaps(this.#pool, this.#now()), map, this.#now(), lifeMs), true);
    return refreshSeconds(lifeMs);
  }

  /** Replaces all maps of a deployment by the one that the server sends, or by none. */
  setForDeployment(deploymentId: string, map: ControlMap | undefined): void {
    const others = removeMapsOf(this.#pool, deploymentId);
    this.#replace(
      map === undefined ? others : setMap(others, map, this.#now(), this.#options.lifeMs),
      true,
    );
  }

  /** Asks whether an update may pass a point. Asking has an effect: see {@link askPool}. */
  ask(state: ControlState): Verdict {
    const { verdict, pool } = askPool(this.maps, state, this.#now());
    this.#store(pool);
    this.#pool = pool;
    return verdict;
  }

  /** Forgets the maps that have expired; for a device that is idle. */
  dropExpired(): void {
    this.#replace(dropExpired(this.maps));
  }

  /**
   * Waits until it makes sense to ask again: a map is set, deleted or expires, or is at half of its life.
   *
   * @param revision {@link revision} at the time of the last question; a change since then ends the wait
   * at once.
   * @param limitMs Longest wait.
   * @returns `false` after `limitMs`, when nothing else has ended the wait.
   * @throws The signal's reason.
   */
  changedSince(revision: number, signal?: AbortSignal, limitMs = Infinity): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (this.revision !== revision) return resolve(true);
      const lookMs = nextLookMs(this.#pool, this.#now()) ?? Infinity;
      const waitMs = Math.min(lookMs, limitMs);
      const end = (settle: () => void): void => {
        cancelTimer();
        this.#listeners.delete(onChange);
        forget();
        settle();
      };
      const onChange = (): void => end(() => resolve(true));
      const onTime = (): void => end(() => resolve(lookMs <= limitMs));
      const cancelTimer = waitMs === Infinity
        ? () => {}
        : this.#options.clock.after(Math.ceil(waitMs), onTime);
      this.#listeners.add(onChange);
      const forget = onAbort(signal, () => end(() => reject(signal?.reason)));
    });
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  /** @param isSet Whether somebody set a map: that wakes a held update even if the map is as before. */
  #replace(pool: MapPool, isSet = false): void {
    if (pool === this.#pool && !isSet) return;
    this.#store(pool);
    this.#pool = pool;
    this.#revision++;
    for (const listener of [...this.#listeners]) listener();
  }

  #store(pool: MapPool): void {
    if (pool !== this.#pool) this.#options.store?.(poolText(pool));
  }
}

function tooManyMaps(): ControlError {
  return new ControlError(
    "control.too-many-maps",
    `Cannot take the Update Control Map: ${MAX_MAPS} are in effect`,
    { hint: "Delete those that nobody needs, or wait until they expire", retry: "later" },
  );
}
