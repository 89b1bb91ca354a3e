import { spawn } from "node:child_process";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { menderPeer } from "../../tests/support/mender_namespace.ts";
import type { Peer } from "../../tests/support/peers.ts";
import { type ArtifactServer, withArtifactServer } from "./artifact_server.ts";
import { withMender, withOurs } from "./clients.ts";
import { printFigure, printTarget, ratioOf } from "./figures.ts";
import { memoryOf, ThreadTimes } from "./process_figures.ts";
import { pythonClientPeer, withPythonClient } from "./python_client.ts";
import type { BenchRow } from "./row.ts";

/** Polls before anything is measured: by then the start is over, and its garbage collected. */
const SETTLING_POLLS = 30;
const COUNTED_MS = 60_000;
const POLL_MS = 1000;
const LOOK_EVERY_MS = 250;
const MIB = 2 ** 20;

/** A client that polls once a second and gets nothing. */
interface Idle {
  readonly residentMiB: number;
  readonly anonymousMiB: number;
  /** CPU time of a poll that the server saw, and of all that happens until the next one. */
  readonly cpuMs: number;
}

type Run = (server: ArtifactServer, body: (pid: number) => Promise<Idle>) => Promise<Idle>;

const CLIENTS: readonly { readonly name: string; readonly peer: () => Peer; readonly run: Run }[] =
  [
    { name: "bare runtime, a timer and fetch", peer: () => ({}), run: withBare },
    {
      name: "ours",
      peer: () => ({}),
      run: (server, body) => withOurs(server.url, ({ pid }) => body(pid)),
    },
    {
      name: "mender",
      peer: menderPeer,
      run: (server, body) => withMender(server.url, "files", ({ pid }) => body(pid)),
    },
    {
      name: "mender-python-client",
      peer: pythonClientPeer,
      run: (server, body) => withPythonClient(server.url, ":", body),
    },
    {
      name: "ours, from the sources and without flags",
      peer: () => ({}),
      run: (server, body) => withOurs(server.url, ({ pid }) => body(pid), {}),
    },
  ];

/** What a daemon costs that has nothing to do. */
export const idleRow: BenchRow = {
  name: "idle",
  title: `a daemon without a deployment, polling once a second, after ${SETTLING_POLLS} polls`,
  defaultRuns: 3,
  run: measureAll,
};

async function measureAll(runs: number): Promise<void> {
  const there = CLIENTS.map((client) => ({
    ...client,
    skip: client.peer().skip,
    figures: [] as Idle[],
  }));
  // The first start after an installation fills the runtime's caches.
  await withArtifactServer(1, (server) => withOurs(server.url, () => server.idle()));
  for (let run = 0; run < runs; run++) {
    // Beside each other: all but always they wait.
    await Promise.all(there.map(async ({ run: runClient, skip, figures }) => {
      if (skip !== undefined) return;
      // Each has a server of its own, which counts the polls: intervals are jittered.
      await withArtifactServer(1, async (server) => {
        figures.push(await runClient(server, (pid) => measure(server, pid)));
      });
    }));
  }
  const of = (at: number, key: keyof Idle): number[] => there[at]!.figures.map((each) => each[key]);
  for (const [at, { name, skip }] of there.entries()) {
    if (skip !== undefined) {
      console.log(`  skipped: ${name} (${skip})`);
      continue;
    }
    printFigure(`${name}: resident`, of(at, "residentMiB"), "MiB");
    printFigure(`${name}: of that anonymous`, of(at, "anonymousMiB"), "MiB");
    printFigure(`${name}: CPU a poll`, of(at, "cpuMs"), "ms");
  }
  const ratio = (key: keyof Idle, other: number): number => ratioOf(of(1, key), of(other, key));
  printTarget("resident, ours / bare runtime", ratio("residentMiB", 0), { atMost: 1.3 });
  if (there[3]!.skip === undefined) {
    const figure = ratio("anonymousMiB", 3);
    printTarget("anonymous, ours / mender-python-client", figure, { atMost: 0.75 });
  }
  if (there[2]!.skip === undefined) {
    printTarget("CPU a poll, ours / mender", ratio("cpuMs", 2), { atMost: 1 });
  }
}

async function measure(server: ArtifactServer, pid: number): Promise<Idle> {
  await delay(SETTLING_POLLS * POLL_MS);
  const times = new ThreadTimes(pid);
  const before = times.look();
  const pollsBefore = server.pollCount;
  const looking = setInterval(() => times.look(), LOOK_EVERY_MS);
  await delay(COUNTED_MS);
  clearInterval(looking);
  const { residentBytes, anonymousBytes } = memoryOf(pid);
  return {
    residentMiB: residentBytes / MIB,
    anonymousMiB: anonymousBytes / MIB,
    cpuMs: (times.look() - before) / (server.pollCount - pollsBefore),
  };
}

async function withBare(
  server: ArtifactServer,
  body: (pid: number) => Promise<Idle>,
): Promise<Idle> {
  const script = fileURLToPath(new URL("bare_poller.js", import.meta.url));
  const url = `${server.url}/api/devices/v1/deployments/device/deployments/next`;
  const child = spawn(process.execPath, ["run", "-q", "--allow-net", script, url], {
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    return await body(child.pid!);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}
