import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { RIG_DEVICE_TYPE, rigArtifact, withRig } from "../../tests/support/client_rig.ts";
import {
  menderPeer,
  prepareMender,
  withMenderDaemon,
} from "../../tests/support/mender_namespace.ts";
import { inTemporaryDirectory } from "../../tests/support/temporary.ts";
import { spread } from "../gate/spread.ts";
import { waitUntil } from "../../tests/support/wait.ts";
import { withServer } from "../../tests/support/with_server.ts";
import { printFigure, printRatio, printTarget } from "./figures.ts";
import type { BenchRow } from "./row.ts";
import { shippedDaemon } from "./shipped.ts";

const POLL_MS = 1000;

/** One deployment, times in milliseconds. */
interface Latency {
  /** From the moment at which the deployment was created to the first line of the installer. */
  readonly published: number;
  /** From the server's answer that offers it. */
  readonly offered: number;
}

/** How soon a small Artifact is with the installer. */
export const handOffRow: BenchRow = {
  name: "hand-off",
  title: "small Artifact: from its deployment to the start of the installer",
  defaultRuns: 9,
  run: measureAll,
};

async function measureAll(runs: number): Promise<void> {
  const peer = menderPeer();
  const ours: Latency[] = [];
  const theirs: Latency[] = [];
  for (let run = 0; run < runs; run++) {
    // Publishing is spread evenly over the poll interval, so that the median wait is half of it.
    const offsetMs = ((run + 0.5) / runs) * POLL_MS;
    ours.push(await measureOurs(offsetMs));
    if (peer.skip === undefined) theirs.push(await measureMender(offsetMs));
  }
  const published = ours.map(({ published }) => published);
  const offered = ours.map(({ offered }) => offered);
  printFigure("published → sub-updater running, ours", published, "ms");
  const unwaited = spread(published.map((ms) => ms - POLL_MS / 2)).median;
  printTarget("… less half a poll interval", unwaited, { atMost: 150, unit: "ms" });
  printFigure("offered → sub-updater running, ours", offered, "ms");
  printTarget("offered → sub-updater running, ours", spread(offered).median, {
    atMost: 150,
    unit: "ms",
  });
  if (peer.skip === undefined) {
    const others = theirs.map(({ offered }) => offered);
    printFigure("offered → Update Module running, mender", others, "ms");
    printRatio("ours / mender (ours has downloaded and verified by then)", offered, others);
  } else console.log(`  skipped: mender (${peer.skip})`);
}

function measureOurs(offsetMs: number): Promise<Latency> {
  return withServer(
    { autoAccept: true },
    (server) =>
      withRig({ serverUrl: server.url, ...shippedDaemon() }, async (rig) => {
        const stamp = join(rig.root, "stamp");
        rig.script(
          rig.paths.installScript,
          `date +%s%N > ${stamp}.new && mv ${stamp}.new ${stamp}`,
        );
        const daemon = rig.start("daemon");
        const latency = await publishAndWait(server, stamp, offsetMs);
        await daemon.ended;
        return latency;
      }),
  );
}

function measureMender(offsetMs: number): Promise<Latency> {
  return withServer({ autoAccept: true }, (server) =>
    inTemporaryDirectory((dir) => {
      const stamp = join(dir, "stamp");
      const module = `[ "$1" = Download ] && date +%s%N > ${stamp}.new && mv ${stamp}.new ${stamp}`;
      const device = prepareMender({
        dir,
        serverUrl: server.url,
        artifactName: "release-1",
        deviceType: RIG_DEVICE_TYPE,
        mac: "02:11:22:33:44:55",
        modules: { acme: `${module}\nexit 0` },
      });
      return withMenderDaemon(device, () => publishAndWait(server, stamp, offsetMs));
    }));
}

async function publishAndWait(
  server: MenderServer,
  stamp: string,
  offsetMs: number,
): Promise<Latency> {
  await server.uploadArtifact(rigArtifact("release-2"));
  const isPoll = ({ path, status }: { path: string; status: number }): boolean =>
    path.endsWith("/next") && status === 204;
  await waitUntil("a poll", () => server.journal.entries.some(isPoll), 30_000);
  await delay(offsetMs);
  const publishedAt = Date.now();
  server.createDeployment({ artifactName: "release-2" });
  await waitUntil("the installer", () => existsSync(stamp), 30_000);
  const runningAt = Number(readFileSync(stamp, "utf8")) / 1e6;
  const offer = server.journal.entries.find(({ path, status }) =>
    path.endsWith("/next") && status === 200
  );
  return { published: runningAt - publishedAt, offered: runningAt - offer!.at };
}
