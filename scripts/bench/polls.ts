import { askControl } from "../../lib/daemon/control/ask_control.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { waitUntil } from "../../tests/support/wait.ts";
import { type ArtifactServer, withArtifactServer } from "./artifact_server.ts";
import { type OurClient, withOurs } from "./clients.ts";
import { printFigure, printTarget } from "./figures.ts";
import { spread } from "../gate/spread.ts";
import { memoryOf, openDescriptors } from "./process_figures.ts";
import type { BenchRow } from "./row.ts";

/** Polls until the heap has found its size. */
const SETTLING_POLLS = 300;
const COUNTED_POLLS = 1000;
const ANSWER_LIMIT_MS = 5000;
const MIB = 2 ** 20;
/** Pages that the collector has and gives back; what grows without end grows beyond it. */
const NOISE_MIB = 1.5;

/** What a thousand polls leave behind. */
export const pollsRow: BenchRow = {
  name: "polls",
  title:
    `growth of the daemon over ${COUNTED_POLLS} polls, one upon another, after ${SETTLING_POLLS}`,
  defaultRuns: 3,
  run: (runs) => withArtifactServer(1, (server) => measureAll(server, runs)),
};

async function measureAll(server: ArtifactServer, runs: number): Promise<void> {
  const growths: number[] = [];
  const descriptors: number[] = [];
  for (let run = 0; run < runs; run++) {
    await withOurs(server.url, async (client) => {
      await poll(server, client, SETTLING_POLLS);
      const [memory, open] = [memoryOf(client.pid).residentBytes, openDescriptors(client.pid)];
      await poll(server, client, COUNTED_POLLS);
      growths.push((memoryOf(client.pid).residentBytes - memory) / MIB);
      descriptors.push(openDescriptors(client.pid) - open);
    });
  }
  printFigure("resident memory, growth", growths, "MiB");
  printFigure("open descriptors, growth", descriptors, "files");
  printTarget("resident memory, growth", spread(growths).median, {
    atMost: NOISE_MIB,
    unit: "MiB",
  });
  printTarget("open descriptors, growth", spread(descriptors).median, { atMost: 0, unit: "files" });
}

/** Has the daemon poll so many times, each as soon as the last one was seen. */
async function poll(server: ArtifactServer, client: OurClient, count: number): Promise<void> {
  const drivers = await hostDrivers();
  await server.idle();
  for (let n = 0; n < count; n++) {
    const before = server.pollCount;
    const request = { v: 1, do: "check-update" } as const;
    await askControl(drivers, client.controlSocket, request, ANSWER_LIMIT_MS);
    await waitUntil("a poll", () => server.pollCount > before, ANSWER_LIMIT_MS);
  }
}
