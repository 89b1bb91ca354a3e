import assert from "node:assert/strict";
import { join } from "node:path";
import { TestAuthority } from "../support/certificates.ts";
import { withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { withTlsPeer } from "../support/tls_peer.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const AUTH = "/api/devices/v1/authentication/auth_requests";

test("daemon -F makes one new key, and keeps it when it authenticates again", async () => {
  await withServer({}, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      assert.equal((await rig.run("bootstrap")).code, 0);
      const old = rig.read(rig.paths.key);
      const daemon = rig.start("-F", "daemon");
      const device = await waitUntil("a device", () => server.devices()[0]);
      const made = rig.read(rig.paths.key);
      assert.notEqual(made, old);
      server.acceptDevice(device.id);
      const tokens = (): number =>
        server.journal.entries.filter(({ path, status }) => path === AUTH && status === 200).length;
      await waitUntil("a token", () => tokens() === 1, 30_000);
      server.revokeTokens();
      await waitUntil("another token", () => tokens() === 2, 30_000);
      assert.equal(rig.read(rig.paths.key), made);
      assert.equal(server.devices()[0]?.authSets.length, 1);
      daemon.kill("SIGTERM");
      assert.equal((await daemon.ended).code, 0, daemon.output());
    });
  });
});

for (const hasCertificate of [true, false]) {
  const behaviour = hasCertificate
    ? "proves itself by HttpsClient"
    : "is refused without HttpsClient";
  test(`daemon ${behaviour} to a server that asks for a client certificate`, async () => {
    const authority = new TestAuthority();
    const server = authority.issue();
    const client = authority.issue({ names: ["device"], purpose: "client" });
    await withTlsPeer(
      {
        server,
        clientAuthority: authority.certificate,
        answer: (exchange) => exchange.reply(401, {}, "{}"),
      },
      (peer) =>
        withRig({ serverUrl: peer.url }, async (rig) => {
          const files = {
            authority: join(rig.root, "authority.pem"),
            certificate: join(rig.root, "client.pem"),
            key: join(rig.root, "client-key.pem"),
          };
          rig.write(files.authority, authority.certificate);
          rig.write(files.certificate, client.certificate);
          rig.write(files.key, client.key, 0o600);
          const config = {
            ...JSON.parse(rig.read(rig.paths.mainConfig)),
            ServerCertificate: files.authority,
            ...(hasCertificate && {
              HttpsClient: { Certificate: files.certificate, Key: files.key },
            }),
          };
          rig.write(rig.paths.mainConfig, JSON.stringify(config));
          const daemon = rig.start("daemon");
          if (hasCertificate) {
            await waitUntil("the request", () => peer.asked.length > 0, 30_000);
            assert.equal(peer.asked[0], `POST ${AUTH}`);
          } else {
            await waitUntil("the refusal", () => daemon.output().includes("Cannot reach"), 30_000);
            assert.deepEqual(peer.asked, []);
          }
          daemon.kill("SIGTERM");
          assert.equal((await daemon.ended).code, 0, daemon.output());
        }),
    );
  });
}
