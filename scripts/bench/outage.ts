import { firstContactMs } from "../../lib/daemon/first_contact.ts";
import { TaskTimer } from "../../lib/daemon/task_timer.ts";
import { seededRandom } from "../../tests/support/seeded_random.ts";
import { printFigure, printTarget } from "./figures.ts";
import type { BenchRow } from "./row.ts";

const DEVICES = 100_000;
const HOUR_MS = 3_600_000;

/** A day after the fleet was switched on, all of it at once. */
const OUTAGE_AT_MS = 24 * HOUR_MS;
const BACK_AT_MS = OUTAGE_AT_MS + HOUR_MS;

/** What a configuration has that names nothing. */
const POLL_MS = 1_800_000;
const RETRY_MS = 300_000;
const SPREAD_MS = 20_000;

/** What was away for an hour: the server alone, or the power of everything. */
type Outage = "server" | "power";

/** The moments at which one device asks, from the first on; told whether it was answered. */
type Device = (startMs: number, random: () => number) => {
  readonly nextMs: () => number;
  readonly asked: (atMs: number, isAnswered: boolean) => void;
};

/** Ours: what the daemon's polls are timed by. */
const ours: Device = (startMs, random) => {
  const timer = new TaskTimer(POLL_MS, RETRY_MS, random);
  timer.postpone(startMs + firstContactMs(SPREAD_MS, POLL_MS, random));
  return {
    nextMs: () => timer.dueAtMs,
    asked(atMs, isAnswered) {
      if (isAnswered) timer.succeeded(atMs);
      else timer.failed(atMs, "later");
    },
  };
};

/** One that asks at its start, and again and again after the same time. */
const fixed: Device = (startMs) => {
  let next = startMs;
  return { nextMs: () => next, asked: (atMs) => next = atMs + POLL_MS };
};

/** What the server sees from the moment on at which it can be reached again. */
interface Return {
  /** Questions in the busiest second. */
  readonly peakPerSecond: number;
  /** When the last device is answered, in poll intervals. */
  readonly servedIntervals: number;
}

/** How hard a fleet comes back: on a clock of its own, devices as the daemon times them. */
export const outageRow: BenchRow = {
  name: "outage",
  title: `${DEVICES} devices, in step once, after an outage of an hour (simulated time)`,
  defaultRuns: 3,
  run(runs) {
    for (const outage of ["server", "power"] as const) {
      const play = (device: Device): Return[] =>
        Array.from({ length: runs }, (_, run) => playOutage(device, outage, run + 1));
      const [own, other] = [play(ours), play(fixed)];
      const peaks = (returns: readonly Return[]): number[] =>
        returns.map(({ peakPerSecond }) => peakPerSecond);
      const name = `${outage} away`;
      printFigure(`${name}: busiest second, ours`, peaks(own), "questions");
      printFigure(`${name}: busiest second, fixed interval`, peaks(other), "questions");
      const ratio = Math.max(...peaks(own)) / Math.min(...peaks(other));
      printTarget(`${name}: busiest second, ours / fixed interval`, ratio, { atMost: 0.1 });
      const served = Math.max(...own.map(({ servedIntervals }) => servedIntervals));
      printTarget(`${name}: the last one is answered after`, served, {
        atMost: 2,
        unit: "poll intervals",
      });
    }
    return Promise.resolve();
  },
};

function playOutage(device: Device, outage: Outage, seed: number): Return {
  const random = seededRandom(seed);
  const perSecond = new Uint32Array(4 * POLL_MS / 1000);
  let servedMs = 0;
  for (let at = 0; at < DEVICES; at++) {
    const answeredAtMs = playDevice(device, outage, random, (atMs) => {
      const second = Math.floor((atMs - BACK_AT_MS) / 1000);
      if (second >= 0 && second < perSecond.length) perSecond[second]!++;
    });
    servedMs = Math.max(servedMs, answeredAtMs - BACK_AT_MS);
  }
  return {
    peakPerSecond: perSecond.reduce((a, b) => Math.max(a, b)),
    servedIntervals: servedMs / POLL_MS,
  };
}

/** @returns When the device was answered for the first time after the outage. */
function playDevice(
  makeDevice: Device,
  outage: Outage,
  random: () => number,
  onAsk: (atMs: number) => void,
): number {
  let device = makeDevice(0, random);
  let isCut = false;
  let answeredAtMs = Infinity;
  for (;;) {
    if (outage === "power" && !isCut && device.nextMs() >= OUTAGE_AT_MS) {
      isCut = true;
      device = makeDevice(BACK_AT_MS, random);
    }
    const atMs = device.nextMs();
    if (atMs >= BACK_AT_MS + 4 * POLL_MS) return answeredAtMs;
    onAsk(atMs);
    const isAnswered = atMs < OUTAGE_AT_MS || atMs >= BACK_AT_MS;
    if (isAnswered && atMs >= BACK_AT_MS) answeredAtMs = Math.min(answeredAtMs, atMs);
    device.asked(atMs, isAnswered);
  }
}
