import assert from "node:assert/strict";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { type ClientRig, rigArtifact, withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const LONG = { UpdatePollIntervalSeconds: 3600, InventoryPollIntervalSeconds: 3600 };

/** Changes keys of the main configuration. */
function configure(rig: ClientRig, keys: Record<string, unknown>): void {
  const config = JSON.parse(rig.read(rig.paths.mainConfig));
  rig.write(rig.paths.mainConfig, JSON.stringify({ ...config, ...keys }));
}

const polls = (server: MenderServer): number =>
  server.journal.entries.filter(({ path, status }) => path.endsWith("/next") && status === 204)
    .length;

test("SIGHUP has the daemon serve another server at other intervals", async () => {
  await withServer(
    { autoAccept: true },
    (first) =>
      withServer(
        { autoAccept: true },
        (second) =>
          withRig({ serverUrl: first.url, net: [second.url], config: LONG }, async (rig) => {
            const daemon = rig.start("daemon");
            await waitUntil("a poll", () => polls(first) === 1);
            configure(rig, { ServerURL: second.url, UpdatePollIntervalSeconds: 1 });
            daemon.kill("SIGHUP");
            await waitUntil("polls of the new server", () => polls(second) >= 3);
            assert.ok(second.devices()[0]!.inventory.length > 0);
            assert.equal(polls(first), 1);
            assert.match(daemon.output(), /INFO The new configuration is in effect/);
            daemon.kill("SIGTERM");
            assert.equal((await daemon.ended).code, 0, daemon.output());
          }),
      ),
  );
});

test("SIGHUP reads the fallback too", async () => {
  await withServer(
    { autoAccept: true },
    (server) =>
      withRig({ serverUrl: server.url, config: LONG }, async (rig) => {
        const daemon = rig.start("daemon");
        await waitUntil("a poll", () => polls(server) === 1);
        const { UpdatePollIntervalSeconds: _, ...main } = JSON.parse(
          rig.read(rig.paths.mainConfig),
        );
        rig.write(rig.paths.mainConfig, JSON.stringify(main));
        rig.write(rig.paths.fallbackConfig, '{"UpdatePollIntervalSeconds":1}');
        daemon.kill("SIGHUP");
        await waitUntil("polls", () => polls(server) >= 4);
        daemon.kill("SIGTERM");
        assert.equal((await daemon.ended).code, 0, daemon.output());
      }),
  );
});

const bad: [name: string, keys: Record<string, unknown> | string, reason: RegExp][] = [
  ["that is no JSON", "{", /mender\.conf: line 1/],
  ["with an interval in quotes", { UpdatePollIntervalSeconds: "5" }, /UpdatePollIntervalSeconds/],
  ["without a server", { ServerURL: "" }, /none is configured/],
  [
    "with a client certificate that is missing",
    { HttpsClient: { Certificate: "ROOT/none.crt", Key: "ROOT/none.key" } },
    /none\.crt, named by HttpsClient: there is no such file/,
  ],
  ...("Deno" in globalThis
    ? [
      [
        "with a server that the daemon has no right to reach",
        { ServerURL: "https://other.example.com" },
        /Cannot use https:\/\/other\.example\.com: .* "other\.example\.com:443"/,
      ] as [string, Record<string, unknown>, RegExp],
    ]
    : []),
];
for (const [name, keys, reason] of bad) {
  test(`SIGHUP leaves the old configuration in effect for one ${name}, with one error`, async () => {
    await withServer(
      { autoAccept: true },
      (server) =>
        withRig({ serverUrl: server.url }, async (rig) => {
          const daemon = rig.start("daemon");
          await waitUntil("a poll", () => polls(server) >= 1);
          if (typeof keys === "string") rig.write(rig.paths.mainConfig, keys);
          else configure(rig, JSON.parse(JSON.stringify(keys).replaceAll("ROOT", rig.root)));
          daemon.kill("SIGHUP");
          await waitUntil("the error", () => daemon.output().includes("ERROR"));
          const [before, asked] = [polls(server), server.journal.entries.length];
          await waitUntil("polls", () => polls(server) >= before + 2);
          const again = server.journal.entries.slice(asked);
          assert.ok(
            !again.some(({ path }) => path.endsWith("/auth_requests")),
            "the token is kept",
          );
          const errors = daemon.output().split("\n").filter((line) =>
            / (ERROR|WARNING) /.test(line)
          );
          assert.equal(errors.length, 1, daemon.output());
          assert.match(errors[0]!, /The configuration is not used; the one before stays in effect/);
          assert.match(errors[0]!, reason);
          daemon.kill("SIGTERM");
          assert.equal((await daemon.ended).code, 0, daemon.output());
        }),
    );
  });
}

test("SIGHUP in the middle of a download takes effect after it, and the deployment goes on", async () => {
  await withServer(
    { autoAccept: true },
    (server) =>
      withRig({ serverUrl: server.url, config: LONG }, async (rig) => {
        const artifact = rigArtifact("release-2");
        await server.uploadArtifact(artifact);
        assert.equal((await rig.run("daemon", "--once")).code, 0);
        const id = server.createDeployment({ artifactName: "release-2" });
        let release = (): void => {};
        const released = new Promise<void>((resolve) => release = resolve);
        let isDownloading = false;
        server.setInterceptor(async (exchange) => {
          if (!exchange.target.startsWith("/storage/")) return false;
          isDownloading = true;
          exchange.start(200, { "content-length": `${artifact.length}` });
          await exchange.write(artifact.subarray(0, 1000));
          await released;
          await exchange.write(artifact.subarray(1000));
          exchange.end();
          return true;
        });
        const daemon = rig.start("daemon", "--stay");
        await waitUntil("the download", () => isDownloading);
        configure(rig, { UpdatePollIntervalSeconds: 1 });
        daemon.kill("SIGHUP");
        await waitUntil("the answer", () => daemon.output().includes("after the deployment"));
        release();
        await waitUntil("the sub-updater", () => rig.installed().length);
        await waitUntil("the change", () => daemon.output().includes("configuration is in effect"));
        const before = polls(server);
        assert.equal((await rig.run("report", "--success")).code, 0);
        rig.remove(rig.paths.lock);
        await waitUntil("polls at the new interval", () => polls(server) >= before + 3);
        assert.equal(server.deployment(id).devices[0]!.status, "success");
        assert.equal(rig.installed().length, 1);
        assert.deepEqual(server.violations(), []);
        daemon.kill("SIGTERM");
        assert.equal((await daemon.ended).code, 0, daemon.output());
      }),
  );
});
