import { menderPeer } from "../../tests/support/mender_namespace.ts";
import { type ArtifactServer, withArtifactServer } from "./artifact_server.ts";
import { type PayloadWay, type WaitingClient, withMender, withOurs } from "./clients.ts";
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

/** What is measured beside ours, each in every run. */
const OTHERS: readonly {
  readonly name: string;
  readonly way: PayloadWay;
  readonly targets: { readonly wall: string; readonly cpu: string };
}[] = [
  {
    name: "mender, module stores the stream",
    way: "stream",
    targets: { wall: " (target: 0.9)", cpu: " (target: 0.7)" },
  },
  { name: "mender, stores for the module", way: "files", targets: { wall: "", cpu: "" } },
];

async function measureAll(server: ArtifactServer, runs: number): Promise<void> {
  const peer = menderPeer();
  const others = peer.skip === undefined ? OTHERS : [];
  const ours: Update[] = [];
  const theirs = new Map<PayloadWay, Update[]>(others.map(({ way }) => [way, []]));
  const curl: number[] = [];
  // The first touch of memory and disk costs more than any later one; it belongs to nobody.
  for (let run = -1; run < runs; run++) {
    const isCounted = run >= 0;
    const mine = await withOurs(server.url, (client) => measure(server, client));
    if (isCounted) ours.push(mine);
    for (const { way } of others) {
      const update = await withMender(server.url, way, (client) => measure(server, client));
      if (isCounted) theirs.get(way)!.push(update);
    }
    if (curlPeer.skip !== undefined) continue;
    const seconds = await timeCurl(server.url + server.newestDownload.target) / 1000;
    if (isCounted) curl.push(seconds);
  }
  printFigure("ours, downloaded, verified and synced: wall", wallsOf(ours), "s");
  printFigure("ours, CPU", cpusOf(ours), "s");
  for (const { name, way, targets } of others) {
    const updates = theirs.get(way)!;
    printFigure(`${name}: wall`, wallsOf(updates), "s");
    printFigure(`${name}: CPU`, cpusOf(updates), "s");
    printRatio(`ours / ${name}, wall${targets.wall}`, wallsOf(ours), wallsOf(updates));
    printRatio(`ours / ${name}, CPU${targets.cpu}`, cpusOf(ours), cpusOf(updates));
  }
  if (peer.skip !== undefined) console.log(`  skipped: mender (${peer.skip})`);
  if (curlPeer.skip === undefined) {
    printFigure("curl into a file, nothing checked: wall", curl, "s");
    printRatio("ours / curl, wall", wallsOf(ours), curl);
  } else console.log(`  skipped: curl (${curlPeer.skip})`);
}

function wallsOf(updates: readonly Update[]): number[] {
  return updates.map(({ wall }) => wall);
}

function cpusOf(updates: readonly Update[]): number[] {
  return updates.map(({ cpu }) => cpu);
}

async function measure(server: ArtifactServer, client: WaitingClient): Promise<Update> {
  await server.idle();
  const cpuBefore = cpuMs(client.pid);
  server.deploy();
  const installingAt = await client.installing();
  const cpu = (cpuMs(client.pid) - cpuBefore) / 1000;
  return { wall: (installingAt - server.newestDownload.at) / 1000, cpu };
}
