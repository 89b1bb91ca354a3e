import assert from "node:assert/strict";
import process from "node:process";
import { seededRandom } from "../../support/seeded_random.ts";
import { test } from "../../support/test.ts";
import { DURABLE_STEPS } from "./durable_steps.ts";
import { type Blow, playStory, type StoryOptions, type Strike } from "./story.ts";

/** Stories that take, all together, every durable step. */
const STORIES: readonly Omit<StoryOptions, "strikes">[] = [
  { subUpdater: "fails" },
  { subUpdater: "fails", isDaemonLate: true },
  { subUpdater: "reboots" },
  { subUpdater: "removes the lock" },
  { subUpdater: "leaves the lock" },
  { subUpdater: "installs", isHeld: true },
];

/** The steps that each story takes when nothing strikes. */
const stepsOfStories: Set<string>[] = [];

test("kill matrix: the durable steps of the code are those of the table", async () => {
  for (const story of STORIES) {
    stepsOfStories.push(new Set((await playStory({ ...story, strikes: [] })).steps));
  }
  const taken = new Set(stepsOfStories.flatMap((steps) => [...steps]));
  assert.deepEqual([...taken].sort(), [...DURABLE_STEPS].sort());
});

for (const step of DURABLE_STEPS) {
  const blows: Blow[] = ["kill", "power cut"];
  // What writes meets a full disk too.
  if (/: (create|write) /.test(step)) blows.push("full disk");
  for (const blow of blows) {
    test(`kill matrix: ${blow} at "${step}" loses nothing, and starts nothing twice`, async () => {
      let struck = 0;
      for (const story of STORIES.filter((_, at) => stepsOfStories[at]?.has(step))) {
        const strike: Strike = { at: (at, role) => `${role}: ${at}` === step, blow };
        const end = await playStory({ ...story, strikes: [strike] });
        struck += end.struck;
      }
      assert.ok(struck > 0, "no story takes this step");
    });
  }
}

/** The gate plays the same ones each time; with chance in it, a change is blamed for what it did not do. */
const SEED = 20_301_124;
const SCHEDULES = Number(process.env["MENDER_DENO_SCHEDULES"] ?? 200);
/** They mostly wait, each for its own server. */
const AT_ONCE = 4;
const KINDS = [
  "installs",
  "fails",
  "reboots",
  "removes the lock",
  "leaves the lock",
  "announces",
] as const;
const BLOWS = ["kill", "power cut", "torn power cut", "full disk"] as const;

test(
  `kill matrix: ${SCHEDULES} random schedules of kills, power cuts, full disks and a server that is away`,
  async () => {
    const seed = Number(process.env["MENDER_DENO_SEED"] ?? SEED);
    console.log(`seed ${seed} (MENDER_DENO_SEED=${seed} plays the same again)`);
    let next = 0;
    const playSome = async (): Promise<void> => {
      while (next < SCHEDULES) await playSchedule(seed, next++);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, playSome));
  },
  { limitMs: 120_000 + SCHEDULES * 1000 },
);

async function playSchedule(seed: number, schedule: number): Promise<void> {
  const random = seededRandom(seed * 1000 + schedule);
  const below = (limit: number): number => Math.floor(random() * limit);
  const strikes = Array.from({ length: 1 + below(4) }, (): Strike => {
    const number = 1 + below(70);
    return { at: (_step, _role, at) => at === number, blow: BLOWS[below(BLOWS.length)]! };
  });
  const awayFrom = below(20);
  const awayFor = below(3) * below(20);
  try {
    await playStory({
      subUpdater: KINDS[below(KINDS.length)]!,
      strikes,
      isDaemonLate: random() < 0.3,
      isClockMad: random() < 0.3,
      isHeld: random() < 0.3,
      random,
      isAway: (request) => request > awayFrom && request <= awayFrom + awayFor,
      withNext: true,
    });
  } catch (error) {
    throw new Error(`seed ${seed}, schedule ${schedule}`, { cause: error });
  }
}

test("kill matrix: a wall clock that jumps by fifty years at every step changes nothing", async () => {
  for (const story of STORIES) {
    const sane = await playStory({ ...story, strikes: [] });
    const mad = await playStory({ ...story, strikes: [], isClockMad: true });
    assert.equal(mad.final, sane.final);
    assert.deepEqual(new Set(mad.steps), new Set(sane.steps));
  }
});

test("kill matrix: a server that is away from the hand-off to long after the outcome gets it once", async () => {
  for (const subUpdater of ["installs", "fails", "reboots"] as const) {
    for (const isDaemonLate of [true, false]) {
      await playStory({
        subUpdater,
        isDaemonLate,
        strikes: [{ at: (step) => step.startsWith("link outcome"), blow: "power cut" }],
        isAway: (request) => request > 5 && request < 40,
      });
    }
  }
});
