import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { artifactRequests } from "../support/device_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const SIZE = 64 << 20;
const KILLS = 10;

/** Numbers 0 ≤ r < 1 that are the same for the same seed. */
function* seededNumbers(seed: number): Generator<number, never> {
  for (let state = seed >>> 0;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

const title = (tls: boolean): string =>
  `a download of 64 MiB over ${
    tls ? "https" : "http"
  } survives ${KILLS} kills; no byte that was stored is fetched again`;

for (const tls of [false, true]) test(title(tls), () => killAndGoOn(tls));

async function killAndGoOn(tls: boolean): Promise<void> {
  const seed = Date.now() & 0xffffff;
  const random = seededNumbers(seed);
  await withServer({ autoAccept: true, tls }, async (server) => {
    // Slow enough that a kill falls into the download, fast enough that all ends soon.
    const config = { DownloadRateBytesPerSecond: 24 << 20 };
    await withRig({ serverUrl: server.url, config }, async (rig) => {
      if (server.caCertificate !== undefined) {
        const ServerCertificate = `${rig.root}/ca.pem`;
        rig.write(ServerCertificate, server.caCertificate);
        const main = JSON.parse(rig.read(rig.paths.mainConfig));
        rig.write(rig.paths.mainConfig, JSON.stringify({ ...main, ServerCertificate }));
      }
      assert.equal((await rig.run("daemon", "--once")).code, 0);
      await server.uploadArtifact(rigArtifact("release-2", SIZE));
      const id = server.createDeployment({ artifactName: "release-2" });
      const total = await waitUntil("the size", () => {
        const [artifact] = server.artifacts();
        return artifact?.sizeBytes;
      });
      const stored: number[] = [];
      const size = (): number => statSync(rig.paths.partFile, { throwIfNoEntry: false })?.size ?? 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const daemon = rig.start("daemon");
        const before = stored.at(-1) ?? 0;
        await waitUntil("progress", () => size() > before || daemon.child.exitCode !== null);
        await delay(random.next().value * 120);
        daemon.kill("SIGKILL");
        await daemon.ended;
        stored.push(size());
      }
      const { code, stderr } = await rig.run("daemon");
      const story = `seed ${seed}, stored ${stored}, asked ${artifactRequests(server)}\n${stderr}`;
      assert.equal(code, 0, story);
      const expected = ["whole", ...stored.filter((at) => at < total).map((at) => `bytes=${at}-`)];
      assert.deepEqual(artifactRequests(server), expected, story);
      assert.equal(statSync(rig.paths.artifactFile).size, total);
      await waitUntil("the sub-updater", () => rig.installed().length);
      assert.deepEqual(rig.installed(), [rig.paths.artifactFile], story);
      assert.equal(rig.read(rig.paths.lock), id);
      assert.deepEqual(server.violations(), [], story);
    });
  });
}
