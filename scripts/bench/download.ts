import { existsSync } from "node:fs";
import { menderPeer } from "../../tests/support/mender_namespace.ts";
import type { Peer } from "../../tests/support/peers.ts";
import { type ArtifactServer, withArtifactServer } from "./artifact_server.ts";
import { type WaitingClient, withMender, withOurs, withPython } from "./clients.ts";
import { curlPeer, timeCurl } from "./curl.ts";
import { printFigure, printRatio, printTarget, ratioOf } from "./figures.ts";
import { cpuMs } from "./process_figures.ts";
import { pythonClientPeer } from "./python_client.ts";
import type { BenchRow } from "./row.ts";
import { warmPages } from "./warm_pages.ts";

const PAYLOAD_BYTES = 2 ** 30;
const WARM_BYTES = 1.5 * PAYLOAD_BYTES;

/** One update. */
interface Update {
  /** From the request for the Artifact to the start of the installer, in seconds. */
  readonly wall: number;
  /** CPU time of the client and its children, in seconds; `NaN`: it has ended with the hand-off. */
  readonly cpu: number;
}

/** 1 GiB, downloaded, verified and stored; beside the other clients, and plain curl. */
export const downloadRow: BenchRow = {
  name: "download",
  title: "1 GiB Artifact: from the request for it to the start of the installer",
  defaultRuns: 5,
  run: (runs) => withArtifactServer(PAYLOAD_BYTES, (server) => measureAll(server, runs)),
};

type Measure = (client: WaitingClient) => Promise<Update>;

/** What is measured beside ours, each in every run; targets are ratios, ours to theirs. */
const OTHERS: readonly {
  readonly name: string;
  readonly peer: () => Peer;
  readonly run: (serverUrl: string, measure: Measure) => Promise<Update>;
  readonly targets: { readonly wall?: number; readonly cpu?: number };
}[] = [
  {
    name: "mender, module stores the stream",
    peer: menderPeer,
    run: (url, measure) => withMender(url, "stream", measure),
    targets: { wall: 0.8, cpu: 0.7 },
  },
  {
    name: "mender, stores for the module",
    peer: menderPeer,
    run: (url, measure) => withMender(url, "files", measure),
    targets: {},
  },
  {
    name: "mender-python-client, then sha256sum",
    peer: pythonClientPeer,
    run: withPython,
    targets: { wall: 0.45 },
  },
];

async function measureAll(server: ArtifactServer, runs: number): Promise<void> {
  const others = OTHERS.map((other) => ({
    ...other,
    skip: other.peer().skip,
    updates: [] as Update[],
  }));
  const ours: Update[] = [];
  const curl: number[] = [];
  const turns: ((isCounted: boolean) => Promise<void>)[] = [
    async (isCounted) => {
      const update = await withOurs(server.url, (client) => measure(server, client));
      if (isCounted) ours.push(update);
    },
    ...others.filter(({ skip }) => skip === undefined).map(
      ({ run, updates }) => async (isCounted: boolean) => {
        const update = await run(server.url, (client) => measure(server, client));
        if (isCounted) updates.push(update);
      },
    ),
    ...(curlPeer.skip !== undefined ? [] : [async (isCounted: boolean) => {
      warmPages(WARM_BYTES);
      const seconds = await timeCurl(server.url + server.newestDownload.target) / 1000;
      if (isCounted) curl.push(seconds);
    }]),
  ];
  // The first touch of memory and disk costs more than any later one; it belongs to nobody. Each is
  // first once.
  for (let run = -1; run < runs; run++) {
    for (let turn = 0; turn < turns.length; turn++) {
      const next = turns[(Math.max(run, 0) + turn) % turns.length]!;
      await next(run >= 0);
    }
  }
  printFigure("ours, downloaded, verified and synced: wall", wallsOf(ours), "s");
  printFigure("ours, CPU", cpusOf(ours), "s");
  for (const { name, skip, updates, targets } of others) {
    if (skip !== undefined) {
      console.log(`  skipped: ${name} (${skip})`);
      continue;
    }
    for (const [kind, of] of [["wall", wallsOf], ["cpu", cpusOf]] as const) {
      const figures = of(updates);
      if (figures.some(Number.isNaN)) continue;
      printFigure(`${name}: ${kind}`, figures, "s");
      const [title, limit] = [`ours / ${name}, ${kind}`, targets[kind]];
      if (limit === undefined) printRatio(title, of(ours), figures);
      else printTarget(title, ratioOf(of(ours), figures), { atMost: limit });
    }
  }
  if (curlPeer.skip === undefined) {
    printFigure("curl into a file, nothing checked: wall", curl, "s");
    printTarget("ours / curl, wall", ratioOf(wallsOf(ours), curl), { atMost: 1.5 });
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
  warmPages(WARM_BYTES);
  const cpuBefore = cpuMs(client.pid);
  server.deploy();
  const installingAt = await client.installing();
  const cpu = existsSync(`/proc/${client.pid}`) ? (cpuMs(client.pid) - cpuBefore) / 1000 : NaN;
  return { wall: (installingAt - server.newestDownload.at) / 1000, cpu };
}
