import assert from "node:assert/strict";
import {
  askPool,
  dropExpired,
  expireMaps,
  type MapPool,
  nextLookMs,
  refreshSeconds,
  removeMapsOf,
  setMap,
} from "../../../lib/control/map_pool.ts";
import { notedMap, type Point, POINTS } from "../../support/control_maps.ts";
import { test } from "../../support/test.ts";

const LIFE_MS = 60_000;

/** What happens to a pool, one after the other. */
type Step =
  | `set ${string}`
  | `${Point}? ${"continue" | "pause" | "fail"}`
  | `server ${string}`
  | "expire"
  | "idle"
  | "over";

/** The worked examples of contracts/update-control.md §8, in their order, on the pool alone. */
const examples: [row: number, does: string, ...steps: Step[]][] = [
  [1, "no map lets pass", "install? continue"],
  [2, "pause holds", "set A0:pause", "install? pause"],
  [3, "fail fails", "set A0:fail", "install? fail"],
  [4, "force_continue lets pass", "set A0:force_continue", "install? continue"],
  [5, "continue says nothing", "set A0:continue", "install? continue"],
  [6, "fail beats pause", "set A0:pause", "set B0:fail", "install? fail"],
  [7, "pause beats force_continue", "set A0:pause", "set B0:force_continue", "install? pause"],
  [8, "fail beats force_continue", "set A0:fail", "set B0:force_continue", "install? fail"],
  [
    9,
    "a higher force_continue beats pause",
    "set A1:force_continue",
    "set B0:pause",
    "install? continue",
  ],
  [
    10,
    "a higher force_continue beats fail",
    "set A1:force_continue",
    "set B0:fail",
    "install? continue",
  ],
  [
    11,
    "a higher pause beats fail until it is deleted",
    "set A1:pause",
    "set B0:fail",
    "install? pause",
    "set A1:",
    "install? fail",
  ],
  [
    12,
    "a lower force_continue is not heard",
    "set A0:pause",
    "set B-5:force_continue",
    "install? pause",
  ],
  [
    13,
    "a continue is passed over and takes its step",
    "set A5:continue oae pause",
    "set B0:pause",
    "install? pause",
    "set B0:",
    "install? pause",
  ],
  [
    14,
    "a continue leaves it to force_continue",
    "set A5:continue ome fail",
    "set B0:force_continue",
    "install? continue",
  ],
  [
    15,
    "of one ID the highest priority decides",
    "set A10:fail",
    "set B10:pause",
    "set C10:force_continue",
    "install? fail",
  ],
  [
    16,
    "one ID with two priorities is two maps",
    "set A0:pause",
    "set A1:force_continue",
    "install? continue",
  ],
  [17, "the same ID and priority replaces", "set A0:pause", "set A0:fail", "install? fail"],
  [18, "a map that says nothing deletes", "set A0:pause", "set A0:continue", "install? continue"],
  [19, "deleting leaves other priorities alone", "set A1:pause", "set A0:", "install? pause"],
  [
    20,
    "other points are not touched",
    "set A0:pause @commit",
    "install? continue",
    "commit? pause",
  ],
  [
    21,
    "commit can fail",
    "set A0:fail @commit",
    "install? continue",
    "reboot? continue",
    "commit? fail",
  ],
  [22, "reboot can fail", "set A0:fail @reboot", "install? continue", "reboot? fail"],
  [
    23,
    "an update without reboot does not ask there",
    "set A0:pause @reboot",
    "install? continue",
    "commit? continue",
  ],
  [24, "an expired pause fails", "set A0:pause", "install? pause", "expire", "install? fail"],
  [
    25,
    "an expired pause may continue",
    "set A0:pause ome continue",
    "install? pause",
    "expire",
    "install? continue",
  ],
  [
    26,
    "a pause that is over once executed ends at the second question",
    "set A0:pause oae continue @reboot",
    "reboot? pause",
    "reboot? continue",
  ],
  [
    27,
    "an expired map acts until the device is idle",
    "set A0:pause",
    "expire",
    "install? fail",
    "idle",
    "install? continue",
  ],
  [
    28,
    "a pause that was executed stays so",
    "set A0:pause oae continue",
    "install? pause",
    "install? continue",
    "install? continue",
  ],
  [29, "fail once", "set A0:fail oae continue", "install? fail", "idle", "install? continue"],
  [30, "continue once", "set A0:continue oae pause", "install? continue", "install? pause"],
  [
    31,
    "an expired force_continue beats a lower expired fail",
    "set A0:pause ome force_continue",
    "set B-1:fail",
    "expire",
    "install? continue",
  ],
  [
    32,
    "an expired continue is passed over",
    "set A0:pause ome continue",
    "expire",
    "set B0:pause",
    "install? pause",
  ],
  [
    33,
    "a higher active map beats an expired one",
    "set A0:pause ome fail",
    "expire",
    "set B1:force_continue",
    "install? continue",
  ],
  [
    34,
    "the server's map is replaced by its next",
    "server D0:pause",
    "install? pause",
    "server D0:force_continue",
    "install? continue",
  ],
  [
    35,
    "a local pause beats the server's force_continue",
    "server D0:force_continue",
    "set A0:pause",
    "install? pause",
  ],
  [
    36,
    "the server's force_continue beats a lower local pause",
    "server D0:force_continue",
    "set A-1:pause",
    "install? continue",
  ],
  [
    37,
    "the server's map goes with its deployment",
    "server D0:pause",
    "install? pause",
    "over",
    "install? continue",
  ],
  [
    38,
    "fail, then force_continue",
    "set A10:fail oae force_continue",
    "install? fail",
    "install? continue",
  ],
  [
    39,
    "an outvoted continue takes its step",
    "set A-10:fail",
    "set B10:continue oae fail",
    "install? fail",
    "set A-10:",
    "install? fail",
  ],
  [
    40,
    "an ID in other letter case is another ID",
    "set A0:pause",
    "set a0:force_continue",
    "install? pause",
    "set A0:",
    "install? continue",
  ],
];

for (const [row, does, ...steps] of examples) {
  test(`askPool() example ${row}: ${does}`, () => {
    let pool: MapPool = [];
    let nowMs = 0;
    for (const step of steps) {
      const [order = "", ...rest] = step.split(" ");
      const text = rest.join(" ");
      if (order === "set") pool = setMap(pool, notedMap(text), nowMs, LIFE_MS);
      else if (order === "server") {
        const map = notedMap(text);
        pool = setMap(removeMapsOf(pool, map.id), map, nowMs, LIFE_MS);
      } else if (order === "expire") nowMs += LIFE_MS;
      else if (order === "idle") pool = dropExpired(expireMaps(pool, nowMs));
      else if (order === "over") pool = removeMapsOf(pool, notedMap("D0:").id);
      else {
        const answer = askPool(pool, POINTS[order.slice(0, -1) as Point], nowMs);
        assert.equal(answer.verdict, text, step);
        pool = answer.pool;
      }
    }
  });
}

test("the examples are all there", () => {
  assert.deepEqual(examples.map(([row]) => row), Array.from({ length: 40 }, (_, at) => at + 1));
});

test("askPool() leaves lower priorities unstepped once a higher one decides", () => {
  let pool = setMap([], notedMap("A1:pause"), 0, LIFE_MS);
  pool = setMap(pool, notedMap("B0:continue oae fail"), 0, LIFE_MS);
  const answer = askPool(pool, POINTS.install, 0);
  assert.equal(answer.pool, pool);
  assert.equal(answer.pool[1]?.map.states.ArtifactInstall_Enter?.action, "continue");
});

test("askPool() steps only the point that was asked", () => {
  const pool = setMap([], notedMap("A0:continue oae pause @all"), 0, LIFE_MS);
  const states = askPool(pool, POINTS.reboot, 0).pool[0]?.map.states;
  assert.deepEqual(Object.values(states ?? {}).map(({ action }) => action), [
    "continue",
    "pause",
    "continue",
  ]);
});

test("a map lives from its last setting to the millisecond, and its flags start anew", () => {
  const map = notedMap("A0:pause");
  const pool = setMap(setMap([], map, 0, 1000), map, 600, 1000);
  assert.equal(askPool(pool, POINTS.install, 1599).verdict, "pause");
  const expired = askPool(pool, POINTS.install, 1600);
  assert.equal(expired.verdict, "fail");
  assert.equal(expired.pool[0]?.isExpired, true);
  const anew = setMap(expired.pool, map, 9000, 1000);
  assert.equal(askPool(anew, POINTS.install, 9999).verdict, "pause");
});

test("setting a map again replaces the action that it had stepped to", () => {
  const map = notedMap("A0:continue oae pause");
  const asked = askPool(setMap([], map, 0, LIFE_MS), POINTS.install, 0).pool;
  assert.equal(askPool(asked, POINTS.install, 0).verdict, "pause");
  assert.equal(askPool(setMap(asked, map, 0, LIFE_MS), POINTS.install, 0).verdict, "continue");
});

test("nextLookMs() leads to the half-time, then to the end of the map that is first", () => {
  const pool = setMap(
    setMap([], notedMap("A0:pause"), 0, 1000),
    notedMap("B0:pause"),
    300,
    2000,
  );
  const looks = [0, 499, 500, 999, 1000].map((now) => nextLookMs(expireMaps(pool, now), now));
  assert.deepEqual(looks, [500, 1, 500, 1, 300]);
  assert.equal(nextLookMs([], 0), undefined);
  assert.equal(nextLookMs(expireMaps(pool, 2300), 2300), undefined);
});

test("refreshSeconds() halves whole seconds and rounds down", () => {
  const lives = [1000, 1999, 2000, 8000, 9000, 60_000].map(refreshSeconds);
  assert.deepEqual(lives, [0, 0, 1, 4, 4, 30]);
});
