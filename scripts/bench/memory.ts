import { menderPeer } from "../../tests/support/mender_namespace.ts";
import { inTemporaryDirectory } from "../../tests/support/temporary.ts";
import { spread } from "../gate/spread.ts";
import { type ArtifactServer, withArtifactServer } from "./artifact_server.ts";
import { type WaitingClient, withMender, withOurs } from "./clients.ts";
import { printFigure, printTarget } from "./figures.ts";
import { writeGzipArtifact, writerPeer } from "./gzip_artifact.ts";
import { forgetPeak, memoryOf } from "./process_figures.ts";
import type { BenchRow } from "./row.ts";

const PLAIN_BYTES = 2 ** 31;
const GZIP_BYTES = 2 ** 29;
const MIB = 2 ** 20;

/** Resident memory of one daemon, in MiB. */
interface Memory {
  readonly idle: number;
  readonly peak: number;
}

/** How far the memory of the daemon grows while an Artifact goes through it. */
export const memoryRow: BenchRow = {
  name: "memory",
  title: "peak of the resident memory over that of the idle daemon",
  defaultRuns: 3,
  async run(runs) {
    await withArtifactServer(
      PLAIN_BYTES,
      (server) => measureAll(server, "2 GiB, uncompressed", runs),
    );
    if (writerPeer.skip !== undefined) {
      return console.log(`  skipped: mender-artifact (${writerPeer.skip})`);
    }
    await inTemporaryDirectory(async (dir) => {
      const path = await writeGzipArtifact(dir, GZIP_BYTES);
      await withArtifactServer(path, (server) => measureAll(server, "512 MiB in gzip", runs));
    });
  },
};

async function measureAll(server: ArtifactServer, what: string, runs: number): Promise<void> {
  const peer = menderPeer();
  const ours: Memory[] = [];
  const theirs: Memory[] = [];
  for (let run = 0; run < runs; run++) {
    ours.push(await withOurs(server.url, (client) => measure(server, client)));
    if (peer.skip !== undefined) continue;
    theirs.push(await withMender(server.url, "stream", (client) => measure(server, client)));
  }
  print(`${what}: ours`, ours);
  if (peer.skip === undefined) print(`${what}: mender`, theirs);
  else console.log(`  skipped: mender (${peer.skip})`);
  const growth = spread(ours.map(({ idle, peak }) => peak - idle)).median;
  printTarget(`${what}: peak over idle, ours`, growth, { atMost: 15, unit: "MiB" });
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
