import assert from "node:assert/strict";
import { LivePool, type LivePoolOptions } from "../../../lib/control/live_pool.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import { FakeClock, settled } from "../../support/fake_clock.ts";
import { notedMap, POINTS } from "../../support/control_maps.ts";
import { test } from "../../support/test.ts";

const LIFE_MS = 60_000;

function newPool(options: Partial<LivePoolOptions> = {}): { clock: FakeClock; pool: LivePool } {
  const clock = new FakeClock();
  return { clock, pool: new LivePool({ clock, lifeMs: LIFE_MS, ...options }) };
}

/** Whether a promise has settled by now. */
async function isDone(work: Promise<unknown>): Promise<boolean> {
  let done = false;
  const mark = (): void => void (done = true);
  work.then(mark, mark);
  await settled();
  return done;
}

test("LivePool answers a map with the time in which it must be set again, also a deletion", () => {
  const { pool } = newPool();
  assert.equal(pool.set(notedMap("A0:pause")), 30);
  assert.equal(pool.set(notedMap("A0:")), 30);
  assert.equal(newPool({ lifeMs: 1000 }).pool.set(notedMap("A0:pause")), 0);
});

test("LivePool wakes a held update when a map is set, even the same one, and when one is deleted", async () => {
  const { pool } = newPool();
  for (const text of ["A0:pause", "A0:pause", "B1:fail", "B1:", "C0:"]) {
    const waiting = pool.changedSince(pool.revision);
    assert.equal(await isDone(waiting), false, text);
    pool.set(notedMap(text));
    await waiting;
  }
});

test("LivePool misses no change between a question and the wait", async () => {
  const { pool } = newPool();
  pool.set(notedMap("A0:pause"));
  const { revision } = pool;
  assert.equal(pool.ask(POINTS.install), "pause");
  pool.set(notedMap("A0:fail"));
  await pool.changedSince(revision);
  assert.equal(pool.ask(POINTS.install), "fail");
});

test("LivePool wakes at half of a map's life and at its end, and is silent when no map lives", async () => {
  const { clock, pool } = newPool();
  pool.set(notedMap("A0:pause"));
  for (const verdict of ["pause", "fail"]) {
    const waiting = pool.changedSince(pool.revision);
    await clock.advance(LIFE_MS / 2 - 1);
    assert.equal(await isDone(waiting), false);
    await clock.advance(1);
    await waiting;
    assert.equal(pool.ask(POINTS.install), verdict);
  }
  const waiting = pool.changedSince(pool.revision);
  assert.equal(clock.pendingTimers, 0);
  pool.set(notedMap("B0:pause"));
  await waiting;
});

test("LivePool lets a wait be ended, and leaves no timer", async () => {
  const { clock, pool } = newPool();
  pool.set(notedMap("A0:pause"));
  const controller = new AbortController();
  const waiting = pool.changedSince(pool.revision, controller.signal);
  controller.abort(new Error("stopped"));
  await assert.rejects(waiting, /stopped/);
  await assert.rejects(pool.changedSince(pool.revision, controller.signal), /stopped/);
  assert.equal(clock.pendingTimers, 0);
});

test("LivePool replaces all maps of a deployment by the server's, and leaves others alone", () => {
  const { pool } = newPool();
  for (const text of ["D0:pause", "D5:fail", "A-1:pause"]) pool.set(notedMap(text));
  const forced = notedMap("D0:force_continue");
  pool.setForDeployment(forced.id, forced);
  assert.equal(pool.ask(POINTS.install), "continue");
  pool.setForDeployment(forced.id, undefined);
  assert.deepEqual(pool.maps.map(({ map }) => map), [notedMap("A-1:pause")]);
});

test("LivePool keeps its maps over a restart: the living for the boot time, the expired as they were", async () => {
  let stored: string | undefined;
  const store = (text: string | undefined): void => void (stored = text);
  const { clock, pool } = newPool({ store });
  pool.set(notedMap("A0:pause"));
  await clock.advance(LIFE_MS);
  pool.set(notedMap("B1:continue oae pause"));
  assert.equal(pool.ask(POINTS.install), "fail");

  const again = newPool({ stored, bootLifeMs: 5000, store });
  // B had been asked: the step that it took has been kept too.
  assert.equal(again.pool.ask(POINTS.install), "pause");
  await again.clock.advance(5000);
  again.pool.dropExpired();
  assert.deepEqual(again.pool.maps, []);
  assert.equal(stored, undefined);
});

test("LivePool changes nothing when it cannot store", () => {
  const store = (): never => {
    throw new Error("no space");
  };
  const { pool } = newPool({ store });
  assert.throws(() => pool.set(notedMap("A0:pause")), /no space/);
  assert.deepEqual(pool.maps, []);
});

test("LivePool refuses a store that it cannot read", () => {
  for (const stored of ["", "[]", '{"active":{}}', '{"active":[{"id":"x"}]}']) {
    assert.throws(
      () => newPool({ stored }),
      (error) => isMenderError(error, "control.bad-pool"),
      stored,
    );
  }
});

test("LivePool ends a wait at its limit, and says whether it makes sense to ask", async () => {
  const { clock, pool } = newPool();
  pool.set(notedMap("A0:pause"));
  const limited = pool.changedSince(pool.revision, undefined, 1000);
  clock.advance(1000);
  assert.equal(await limited, false);
  const halfTime = pool.changedSince(pool.revision, undefined, LIFE_MS);
  clock.advance(LIFE_MS / 2);
  assert.equal(await halfTime, true);
});

test("LivePool takes 128 maps, and goes on taking those that it knows", () => {
  const stored: (string | undefined)[] = [];
  const { pool } = newPool({ store: (text) => stored.push(text) });
  const letters = [..."ABCDEFG"];
  const maps = letters.flatMap((letter) =>
    Array.from({ length: 21 }, (_, at) => notedMap(`${letter}${at - 10}:pause`))
  );
  for (const map of maps.slice(0, 128)) pool.set(map);
  const count = stored.length;
  assert.throws(
    () => pool.set(maps[128]!),
    (error) => isMenderError(error, "control.too-many-maps"),
  );
  assert.equal(stored.length, count);
  assert.equal(pool.maps.length, 128);
  pool.set(maps[0]!);
  pool.set(notedMap("A-10:"));
  pool.set(maps[128]!);
});
