import assert from "node:assert/strict";
import { MapController } from "../../../lib/control/map_controller.ts";
import { pauseAll } from "../../../lib/control/map_order.ts";
import { letterId } from "../../support/control_maps.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { type CallFault, SimulatedClient } from "../../support/simulated_client.ts";
import { test } from "../../support/test.ts";

const DAY_MS = 86_400_000;
const LIFE_MS = 60_000;
/** A call takes at most so long in the simulation, there and back. */
const CALL_MS = 400;

/**
 * A day in which the client restarts, the bus is cut, calls are lost, hang and fail. Counts the time in
 * which the map is not in effect although client and bus are there, and in which the controller calls it
 * active all the same.
 */
async function day(seed: number): Promise<{ unheldMs: number; silentMs: number; upMs: number }> {
  const random = seededRandom(seed);
  const clock = new FakeClock();
  const client = new SimulatedClient(clock, LIFE_MS);
  const between = (least: number, most: number): number => least + random() * (most - least);
  const faults: CallFault[] = ["lost request", "lost answer", "hangs", "error"];
  client.fault = () => random() < 0.15 ? faults[Math.floor(random() * faults.length)]! : "none";
  client.latencyMs = () => random() < 0.02 ? between(50, CALL_MS / 2) : between(1, 20);
  const controller = new MapController({
    receiver: client,
    clock,
    random,
    order: pauseAll({ id: letterId("A"), onExpire: "continue" }),
  });
  const count = { unheldMs: 0, silentMs: 0, upMs: 0 };
  const end = clock.monotonic() + DAY_MS;
  let nextFault = between(60_000, 1_200_000);
  // The first setting is not part of the count.
  await clock.advance(1000);
  while (clock.monotonic() < end) {
    if (clock.monotonic() >= nextFault) {
      nextFault = clock.monotonic() + between(60_000, 1_800_000);
      if (random() < 0.7) {
        client.stop();
        await clock.advance(between(0, 30_000));
        client.start();
      } else {
        client.setBus(false);
        await clock.advance(between(0, 20_000));
        client.setBus(true);
      }
    }
    // Fine steps while something is wrong, coarse ones while all is well.
    const isUnheld = client.verdict !== "pause";
    const isCalledActive = controller.state.name === "active";
    const stepMs = isUnheld || !isCalledActive ? 10 : 500;
    count.upMs += stepMs;
    if (isUnheld) count.unheldMs += stepMs;
    if (isUnheld && isCalledActive) count.silentMs += stepMs;
    await clock.advance(stepMs);
  }
  await controller.close(false);
  return count;
}

for (const seed of [1, 2, Date.now() % 1e9]) {
  test(`a day of faults (seed ${seed}) leaves the map out of effect for less than 0.1 %, and never silently`, async () => {
    const { unheldMs, silentMs, upMs } = await day(seed);
    assert.ok(upMs > DAY_MS * 0.9, `${upMs} ms`);
    assert.ok(unheldMs / upMs < 0.001, `seed ${seed}: ${unheldMs} of ${upMs} ms`);
    assert.equal(silentMs, 0, `seed ${seed}`);
  });
}
