import assert from "node:assert/strict";
import { firstContactMs } from "../../../lib/daemon/first_contact.ts";
import { TaskTimer } from "../../../lib/daemon/task_timer.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { test } from "../../support/test.ts";

const DEVICES = 100_000;
const HOUR = 3_600_000;
/** The defaults of the configuration. */
const [POLL_MS, RETRY_MS, SPREAD_MS] = [1_800_000, 300_000, 20_000];

/** When the server is away, from and to. */
interface Outage {
  readonly fromMs: number;
  readonly toMs: number;
}

const isAway = ({ fromMs, toMs }: Outage, atMs: number): boolean => atMs >= fromMs && atMs < toMs;

/** Most requests of any second, and when the last device was first served, from `sinceMs` on. */
function play(
  outage: Outage,
  sinceMs: number,
  untilMs: number,
  schedule: (
    random: () => number,
  ) => { first: number; next: (atMs: number, ok: boolean) => number },
): { peak: number; servedWithinMs: number } {
  const random = seededRandom(7);
  const seconds = new Uint32Array(Math.ceil((untilMs - sinceMs) / 1000));
  let servedWithinMs = 0;
  for (let device = 0; device < DEVICES; device++) {
    const { first, next } = schedule(random);
    let isServed = false;
    for (let atMs = first; atMs < untilMs;) {
      const ok = !isAway(outage, atMs);
      if (atMs >= sinceMs) {
        seconds[Math.floor((atMs - sinceMs) / 1000)]! += 1;
        if (ok && !isServed) servedWithinMs = Math.max(servedWithinMs, atMs - sinceMs);
        isServed ||= ok;
      }
      atMs = next(atMs, ok);
    }
    assert.ok(isServed, `device ${device} was never served`);
  }
  return { peak: Math.max(...seconds), servedWithinMs };
}

function ours(random: () => number) {
  const timer = new TaskTimer(POLL_MS, RETRY_MS, random);
  timer.postpone(firstContactMs(SPREAD_MS, POLL_MS, random));
  return {
    first: timer.dueAtMs,
    next(atMs: number, ok: boolean): number {
      if (ok) timer.succeeded(atMs);
      else timer.failed(atMs, "later");
      return timer.dueAtMs;
    },
  };
}

const fixed = () => ({ first: 0, next: (atMs: number): number => atMs + POLL_MS });

test(`a fleet of ${DEVICES} that starts at once comes at a tenth of the rate of fixed intervals`, () => {
  const never = { fromMs: 0, toMs: 0 };
  const peakOfFixed = play(never, 0, POLL_MS * 2, fixed).peak;
  const { peak, servedWithinMs } = play(never, 0, POLL_MS * 2, ours);
  assert.ok(peak <= peakOfFixed / 10, `${peak} of ${peakOfFixed} in the worst second`);
  assert.ok(servedWithinMs <= SPREAD_MS);
});

test(`a fleet of ${DEVICES} whose server was away for an hour comes back at a tenth of that rate, all of it within two intervals`, () => {
  const outage = { fromMs: 2 * HOUR - 1, toMs: 3 * HOUR - 1 };
  const [since, until] = [outage.toMs, outage.toMs + 2 * POLL_MS];
  const peakOfFixed = play(outage, since, until, fixed).peak;
  const { peak, servedWithinMs } = play(outage, since, until, ours);
  assert.ok(peak <= peakOfFixed / 10, `${peak} of ${peakOfFixed} in the worst second`);
  assert.ok(servedWithinMs <= 2 * POLL_MS);
  assert.ok(servedWithinMs <= RETRY_MS, "no device waits longer than its longest retry");
});

test(`a fleet of ${DEVICES} that was told to come back in an hour does not come back at once`, () => {
  const comeBack = (random: () => number) => {
    const timer = new TaskTimer(POLL_MS, RETRY_MS, random);
    timer.failed(0, { afterMs: HOUR });
    return { first: timer.dueAtMs, next: () => Infinity };
  };
  const { peak } = play({ fromMs: 0, toMs: 0 }, HOUR, 2 * HOUR, comeBack);
  assert.ok(peak <= DEVICES / 100, `${peak} in the worst second`);
});
