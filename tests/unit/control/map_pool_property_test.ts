import assert from "node:assert/strict";
import {
  CONTROL_ACTIONS,
  CONTROL_STATES,
  type ControlMap,
  controlMap,
  EXPIRE_ACTIONS,
  stateActions,
} from "../../../lib/control/control_map.ts";
import {
  askPool,
  dropExpired,
  expireMaps,
  type MapPool,
  removeMapsOf,
  setMap,
} from "../../../lib/control/map_pool.ts";
import { poolText, readPool } from "../../../lib/control/stored_pool.ts";
import { letterId } from "../../support/control_maps.ts";
import { NaivePool } from "../../support/naive_pool.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { test } from "../../support/test.ts";

const SEQUENCES = 3000;
const LENGTH = 40;

/** Draws from a seed. */
class Draw {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededRandom(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  map(): ControlMap {
    const states = CONTROL_STATES.filter(() => this.below(3) > 0).map((state) => [
      state,
      stateActions(this.of(CONTROL_ACTIONS), {
        onMapExpire: this.of([undefined, ...EXPIRE_ACTIONS]),
        onActionExecuted: this.of([undefined, ...CONTROL_ACTIONS]),
      }),
    ]);
    // Few IDs and priorities, so that maps meet.
    return controlMap(
      letterId(this.of(["A", "B", "C", "a"])),
      this.of([-10, -1, 0, 0, 1, 10]),
      Object.fromEntries(states),
    );
  }
}

test("the pool agrees with a naive reading of the rules on random sequences", () => {
  const firstSeed = Number(Date.now() % 1e9);
  for (let seed = firstSeed; seed < firstSeed + SEQUENCES; seed++) {
    const draw = new Draw(seed);
    const naive = new NaivePool();
    let pool: MapPool = [];
    let nowMs = 0;
    const trace: string[] = [];
    for (let step = 0; step < LENGTH; step++) {
      nowMs += draw.of([0, 1, 10, 100]);
      const choice = draw.below(10);
      if (choice < 4) {
        const map = draw.map();
        const lifeMs = draw.of([1, 50, 500]);
        trace.push(`${nowMs} set ${JSON.stringify(map)} for ${lifeMs}`);
        pool = setMap(pool, map, nowMs, lifeMs);
        naive.set(map, nowMs, lifeMs);
      } else if (choice < 5) {
        trace.push(`${nowMs} idle`);
        pool = dropExpired(expireMaps(pool, nowMs));
        naive.idle(nowMs);
      } else if (choice < 6) {
        const id = letterId(draw.of(["A", "B"]));
        trace.push(`${nowMs} over ${id}`);
        pool = removeMapsOf(pool, id);
        naive.remove(id);
      } else {
        const state = draw.of(CONTROL_STATES);
        const answer = askPool(pool, state, nowMs);
        pool = answer.pool;
        trace.push(`${nowMs} ${state}? ${answer.verdict}`);
        assert.equal(answer.verdict, naive.ask(state, nowMs), `seed ${seed}\n${trace.join("\n")}`);
      }
      const identities = pool.map(({ map }) => `${map.id} ${map.priority}`);
      assert.equal(new Set(identities).size, identities.length, `seed ${seed}`);
      assert.equal(pool.length, naive.maps.length, `seed ${seed}`);
    }
  }
});

test("a pool that was stored and read again answers as before", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const draw = new Draw(seed);
    let pool: MapPool = [];
    for (let n = 0; n < 6; n++) pool = setMap(pool, draw.map(), 0, draw.of([10, 1000]));
    pool = askPool(pool, draw.of(CONTROL_STATES), 20).pool;
    const text = poolText(pool);
    const again = text === undefined ? [] : readPool(text, 5000, 600);
    for (const state of CONTROL_STATES) {
      const [before, after] = [askPool(pool, state, 21), askPool(again, state, 5001)];
      assert.equal(after.verdict, before.verdict, `seed ${seed}, ${state}\n${text}`);
    }
    assert.equal(expireMaps(again, 5600).every(({ isExpired }) => isExpired), true);
  }
});
