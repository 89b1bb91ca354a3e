import type { ControlMap } from "../../lib/control/control_map.ts";
import {
  askPool,
  dropExpired,
  expireMaps,
  type MapPool,
  removeMapsOf,
  setMap,
  type Verdict,
} from "../../lib/control/map_pool.ts";
import { type Point, POINTS } from "./control_maps.ts";
import type { UpdateKind } from "./update_rig.ts";

const PAUSED = {
  install: "pause_before_installing",
  reboot: "pause_before_rebooting",
  commit: "pause_before_committing",
} as const;

/** Before it commits, mender says once more that it is installing. */
const PASSED = {
  install: ["installing"],
  reboot: ["rebooting"],
  commit: ["installing", "success"],
} as const;

/**
 * What mender 3.4 reports of an update, with the pool of the library in place of its own: the same
 * questions in the same order, and none of its time.
 *
 * @see contracts/update-control.md §5 and §6
 */
export class SimulatedUpdate {
  pool: MapPool = [];
  history: string[] = [];
  #nowMs = 0;
  #points: Point[] = [];
  readonly #lifeMs: number;
  /** Setting a map leaves a wake-up behind that the next pause finds. */
  #hasWakeUp = false;

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs;
  }

  /** A map arrives; a held update asks again at once. */
  set(map: ControlMap): void {
    this.pool = setMap(this.#current(), map, this.#nowMs, this.#lifeMs);
    this.#hasWakeUp = true;
    if (this.#points.length > 0) this.#goOn();
  }

  /** The server's map of the deployment takes the place of its others. */
  setServerMap(map: ControlMap): void {
    this.pool = removeMapsOf(this.#current(), map.id);
    this.set(map);
  }

  /** All maps expire; a held update asks again. */
  expire(): void {
    this.#nowMs += this.#lifeMs;
    if (this.#points.length > 0) this.#goOn();
    else this.pool = this.#current();
  }

  /** An update begins. */
  begin(kind: UpdateKind): void {
    this.history = ["downloading"];
    this.#points = kind === "reboot" ? ["install", "reboot", "commit"] : ["install", "commit"];
    this.#goOn();
  }

  #current(): MapPool {
    return expireMaps(this.pool, this.#nowMs);
  }

  #goOn(): void {
    for (;;) {
      const [point] = this.#points;
      if (point === undefined) return this.#becomeIdle();
      let verdict = this.#ask(point);
      // Once to decide, once more in the state that would wait.
      if (verdict === "pause" && point === "reboot") verdict = this.#ask(point);
      if (verdict === "pause") {
        if (this.history.at(-1) !== PAUSED[point]) this.history.push(PAUSED[point]);
        if (!this.#hasWakeUp) return;
        this.#hasWakeUp = false;
        continue;
      }
      if (verdict === "fail") {
        this.history.push("failure");
        return this.#becomeIdle();
      }
      this.history.push(...PASSED[point].filter((status) => status !== this.history.at(-1)));
      this.#points.shift();
    }
  }

  #ask(point: Point): Verdict {
    const { verdict, pool } = askPool(this.pool, POINTS[point], this.#nowMs);
    this.pool = pool;
    return verdict;
  }

  #becomeIdle(): void {
    this.#points = [];
    this.pool = dropExpired(this.#current());
  }
}
