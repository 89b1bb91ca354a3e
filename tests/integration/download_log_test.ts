import assert from "node:assert/strict";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { artifactRequests, isArtifactRequest } from "../support/device_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

for (const tls of [false, true]) {
  test(`daemon --log-format json has the numbers of a download, over ${tls ? "https" : "http"}`, async () => {
    await withServer({ autoAccept: true, tls }, async (server) => {
      await withRig({ serverUrl: server.url }, async (rig) => {
        const ca = `${rig.root}/ca.pem`;
        rig.write(ca, server.caCertificate ?? "");
        const config = JSON.parse(rig.read(rig.paths.mainConfig));
        const trusting = { ...config, ...(tls && { ServerCertificate: ca }) };
        rig.write(rig.paths.mainConfig, JSON.stringify(trusting));
        const artifact = rigArtifact("release-2", 2 << 20);
        const { length } = artifact;
        await server.uploadArtifact(artifact);
        const daemon = rig.start("daemon", "--log-format", "json");
        await waitUntil("a device", () => server.devices()[0]?.inventory.length);
        let requests = 0;
        server.setInterceptor(async (exchange) => {
          if (!isArtifactRequest(exchange) || ++requests > 1) return false;
          exchange.start(200, { "content-length": `${length}` });
          await exchange.write(artifact.subarray(0, length / 2));
          exchange.cut();
          return true;
        });
        const id = server.createDeployment({ artifactName: "release-2" });
        const ended = await daemon.ended;
        assert.equal(ended.code, 0, ended.stderr);
        const records = ended.stderr.trim().split("\n").map((line) => JSON.parse(line));
        const progress = records.filter(({ event }) => event === "progress");
        assert.ok(progress.length >= 2, ended.stderr);
        for (const { deployment, received_bytes, total_bytes, message } of progress) {
          assert.deepEqual([deployment, total_bytes], [id, length]);
          const percent = Math.floor(received_bytes / length * 100);
          assert.ok(message.includes(`${percent} % of `), message);
        }
        const stored = progress.map(({ received_bytes }) => received_bytes);
        assert.equal(stored.at(-1), length);
        const [sum] = records.filter(({ message }) => /^Downloaded \d+ bytes/.test(message));
        assert.equal(sum.deployment, id);
        assert.equal(sum.size_bytes, length);
        assert.equal(sum.requests, artifactRequests(server).length);
        // Without a tag from the first answer what was stored by then is fetched again.
        assert.ok(sum.received_bytes >= length && sum.received_bytes <= length * 3 / 2);
        const device = server.devices()[0]!;
        assert.equal(server.deployment(id).devices[0]!.deviceId, device.id);
        assert.equal(server.deployment(id).devices[0]!.status, "installing");
        assert.deepEqual(server.violations(), []);
      });
    });
  });
}
