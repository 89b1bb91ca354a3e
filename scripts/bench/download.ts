import { menderPeer } from "../../tests/support/mender_namespace.ts";
import { type ArtifactServer, withArtifactServer } from "./artifact_server.ts";
import { type WaitingClient, withMender, withOurs } from "./clients.ts";
import { curlPeer, timeCurl } from "./curl.ts";
import { printFigure, printRatio } from "./figures.ts";
import { cpuMs } from "./process_figures.ts";
import type { BenchRow } from "./row.ts";

const PAYLOAD_BYTES = 2 ** 30;

/** One update. */
interface Update {
  /** From the request for the Artifact to the start of the installer, in seconds. */
  readonly wall: number;
  /** CPU time of the client and its children, in seconds. */
  readonly cpu: number;
}

/** 1 GiB, downloaded, verified and stored; beside mender with a storing module, and plain curl. */
export const downloadRow: BenchRow = {
  name: "download",
  title: "1 GiB Artifact: from the request for it to the start of the installer",
  defaultRuns: 5,
  run: (runs) => withArtifactServer(PAYLOAD_BYTES, (server) => measureAll(server, runs)),
};

async function measureAll(server: ArtifactServer, runs: number): Promise<void> {
  const peer = menderPeer();
  const ours: Update[] = [];
  const theirs: Update[] = [];
  const curl: number[] = [];
  // The first touch of memory and disk costs more than any later one; it belongs to nobody.
  for (let run = -1; run < runs; run++) {
    const mine = await withOurs(server.url, (client) => measure(server, client));
    const other = peer.skip === undefined
      ? await withMender(server.url, (client) => measure(server, client))
      : undefined;
    const plain = curlPeer.skip === undefined
      ? await timeCurl(server.url + server.newestDownload.target)
      : undefined;
    if (run < 0) continue;
    ours.push(mine);
    if (other !== undefined) theirs.push(other);
    if (plain !== undefined) curl.push(plain / 1000);
  }
  const walls = ours.map(({ wall }) => wall);
  const cpus = ours.map(({ cpu }) => cpu);
  printFigure("ours, downloaded, verified and synced", walls, "s");
  printFigure("ours, CPU", cpus, "s");
  if (peer.skip === undefined) {
    printFigure("mender, module stores the stream", theirs.map(({ wall }) => wall), "s");
    printFigure("mender, CPU with its module", theirs.map(({ cpu }) => cpu), "s");
    printRatio("ours / mender, wall (target: 0.9)", walls, theirs.map(({ wall }) => wall));
    printRatio("ours / mender, CPU (target: 0.7)", cpus, theirs.map(({ cpu }) => cpu));
  } else console.log(`  skipped: mender (${peer.skip})`);
  if (curlPeer.skip === undefined) {
    printFigure("curl into a file, nothing checked", curl, "s");
    printRatio("ours / curl, wall", walls, curl);
  } else console.log(`  skipped: curl (${curlPeer.skip})`);
}

async function measure(server: ArtifactServer, client: WaitingClient): Promise<Update> {
  await server.idle();
  const cpuBefore = cpuMs(client.pid);
  server.deploy();
  const installingAt = await client.installing();
  const cpu = (cpuMs(client.pid) - cpuBefore) / 1000;
  return { wall: (installingAt - server.newestDownload.at) / 1000, cpu };
}
