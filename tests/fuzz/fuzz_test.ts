import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { isMenderError } from "../../lib/core/errors.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { test } from "../support/test.ts";
import { mutate } from "./mutate.ts";
import { type Target, TARGETS } from "./targets.ts";

/** The gate plays the same each time; `deno task fuzz` more, and others. */
const isLong = process.env["MENDER_DENO_FUZZ"] === "long";
const COUNT = Number(process.env["MENDER_DENO_FUZZ_COUNT"] ?? (isLong ? 200_000 : 10_000));
const SEED = Number(
  process.env["MENDER_DENO_SEED"] ?? (isLong ? Date.now() % 1_000_000 : 20_301_124),
);
/** No input may take that long; a machine that is busy needs some of it. */
const HANG_MS = 5_000;
/** What all inputs of a target may leave in memory; garbage is part of it. */
const MAX_GROWTH_BYTES = 400 << 20;

for (const [at, target] of TARGETS.entries()) {
  test(
    `fuzz: ${target.name} reads ${COUNT} inputs, and refuses with typed errors alone`,
    async () => {
      const random = seededRandom(SEED + at);
      const before = process.memoryUsage().rss;
      let taken = 0;
      for (const input of target.corpus) if (await isTaken(target, input, "kept")) taken++;
      for (let number = 1; number <= COUNT; number++) {
        const input = mutate(target.corpus, random);
        if (await isTaken(target, input, `number ${number} of seed ${SEED}`)) taken++;
      }
      const grownBytes = process.memoryUsage().rss - before;
      assert.ok(grownBytes < MAX_GROWTH_BYTES, `${grownBytes} bytes of memory were kept`);
      console.log(`fuzz ${target.name}: ${COUNT} inputs of seed ${SEED}, ${taken} taken`);
    },
    { limitMs: 120_000 + COUNT * 10 },
  );
}

/** Whether an input was understood; fails on everything but that and a typed refusal. */
async function isTaken(target: Target, input: Uint8Array, which: string): Promise<boolean> {
  const start = performance.now();
  try {
    await target.read(input);
    return true;
  } catch (error) {
    if (isMenderError(error)) return false;
    const text = Buffer.from(input).toString("base64");
    throw new Error(`${target.name}, input ${which}: ${text}`, { cause: error });
  } finally {
    const tookMs = performance.now() - start;
    assert.ok(tookMs < HANG_MS, `${target.name}, input ${which}: took ${tookMs} ms`);
  }
}
