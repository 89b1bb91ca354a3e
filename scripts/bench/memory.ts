import { menderPeer } from "../../tests/support/mender_namespace.ts";
import { type ArtifactServer, withArtifactServer } from "./artifact_server.ts";
import { type WaitingClient, withMender, withOurs } from "./clients.ts";
import { printFigure } from "./figures.ts";
import { forgetPeak, memoryOf } from "./process_figures.ts";
import type { BenchRow } from "./row.ts";

const PAYLOAD_BYTES = 2 ** 31;
const MIB = 2 ** 20;

/** Resident memory of one daemon, in MiB. */
interface Memory {
  readonly idle: number;
  readonly peak: number;
}

/** How far the memory of the daemon grows while 2 GiB go through it. */
export const memoryRow: BenchRow = {
  name: "memory",
  title: "2 GiB Artifact: peak of the resident memory over that of the idle daemon",
  defaultRuns: 3,
  run: (runs) => withArtifactServer(PAYLOAD_BYTES, (server) => measureAll(server, runs)),
};

async function measureAll(server: ArtifactServer, runs: number): Promise<void> {
  const peer = menderPeer();
  const ours: Memory[] = [];
  const theirs: Memory[] = [];
  for (let run = 0; run < runs; run++) {
    ours.push(await withOurs(server.url, (client) => measure(server, client)));
    if (peer.skip !== undefined) continue;
    theirs.push(await withMender(server.url, (client) => measure(server, client)));
  }
  print("ours (target: 40 MiB at most)", ours);
  if (peer.skip === undefined) print("mender", theirs);
  else console.log(`  skipped: mender (${peer.skip})`);
}

function print(name: string, figures: readonly Memory[]): void {
  printFigure(`${name}, over idle`, figures.map(({ idle, peak }) => peak - idle), "MiB");
  printFigure(`${name}, idle`, figures.map(({ idle }) => idle), "MiB");
}

async function measure(server: ArtifactServer, client: WaitingClient): Promise<Memory> {
  await server.idle();
  forgetPeak(client.pid);
  const { residentBytes } = memoryOf(client.pid);
  server.deploy();
  await client.installing();
  return { idle: residentBytes / MIB, peak: memoryOf(client.pid).peakBytes / MIB };
}
