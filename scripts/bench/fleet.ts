import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { spread } from "../gate/spread.ts";
import { withArtifactServer } from "./artifact_server.ts";
import { printFigure, printTarget } from "./figures.ts";
import { memoryOf, ThreadTimes } from "./process_figures.ts";
import type { BenchRow } from "./row.ts";

const SIZES = [1, 100, 1000] as const;
const KIB = 2 ** 10;

/** What the process of the devices tells. */
export type FleetEvent =
  | { readonly event: "ready" }
  | { readonly event: "polled"; readonly polls: number; readonly ms: number };

interface Fleet {
  readonly residentKiB: number;
  readonly pollsPerSecond: number;
  /** CPU time of the devices, without that of the server. */
  readonly cpuMsPerPoll: number;
}

/** What many devices on the library cost in one process. */
export const fleetRow: BenchRow = {
  name: "fleet",
  title: `${SIZES.join(", ")} devices on the library in one process, server beside it`,
  defaultRuns: 3,
  async run(runs) {
    const fleets = SIZES.map((): Fleet[] => []);
    for (let run = 0; run < runs; run++) {
      for (const [at, size] of SIZES.entries()) {
        await withArtifactServer(
          1,
          async ({ url }) => void fleets[at]!.push(await measure(url, size)),
        );
      }
    }
    for (const [at, size] of SIZES.entries()) {
      const name = `${size} ${size === 1 ? "device" : "devices"}`;
      printFigure(`${name}: polls answered a second`, polls(fleets[at]!), "polls");
      printFigure(`${name}: CPU a poll`, fleets[at]!.map(({ cpuMsPerPoll }) => cpuMsPerPoll), "ms");
      printFigure(`${name}: resident, at rest`, fleets[at]!.map(residentMiB), "MiB");
    }
    const alone = spread(fleets[0]!.map(({ residentKiB }) => residentKiB)).median;
    const perDevice = (at: number): number[] =>
      fleets[at]!.map(({ residentKiB }) => (residentKiB - alone) / (SIZES[at]! - 1));
    printFigure("each further device, of 100", perDevice(1), "KiB");
    printFigure("each further device, of 1000", perDevice(2), "KiB");
    const ratio = spread(perDevice(2)).median / spread(perDevice(1)).median;
    printTarget("memory a device, of 1000 / of 100", ratio, { atMost: 1 });
    const cpu = (at: number): number =>
      spread(fleets[at]!.map(({ cpuMsPerPoll }) => cpuMsPerPoll)).median;
    printTarget("CPU a poll, of 1000 / of 100", cpu(2) / cpu(1), { atMost: 1.3 });
  },
};

const polls = (fleets: readonly Fleet[]): number[] =>
  fleets.map(({ pollsPerSecond }) => pollsPerSecond);
const residentMiB = ({ residentKiB }: Fleet): number => residentKiB / KIB;

async function measure(url: string, size: number): Promise<Fleet> {
  const script = fileURLToPath(new URL("fleet_process.ts", import.meta.url));
  const args = ["run", "-A", "--no-check", script, url, String(size)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    let residentKiB = 0;
    let cpuBeforeMs = 0;
    let times: ThreadTimes | undefined;
    for await (const line of createInterface(child.stdout)) {
      const event = JSON.parse(line) as FleetEvent;
      if (event.event === "ready") {
        residentKiB = memoryOf(child.pid!).residentBytes / KIB;
        times = new ThreadTimes(child.pid!);
        cpuBeforeMs = times.look();
        child.stdin.end("poll\n");
      } else {
        return {
          residentKiB,
          pollsPerSecond: event.polls * 1000 / event.ms,
          cpuMsPerPoll: (times!.look() - cpuBeforeMs) / event.polls,
        };
      }
    }
    throw new Error(`${size} devices have ended before they were measured`);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}
