import assert from "node:assert/strict";
import { statSync } from "node:fs";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { type ClientRig, rigArtifact, type Running, withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

/** There is no bus on this device. */
const NO_BUS = { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent/bus" };
const KNOWN = { timeoutMs: 30_000 };
/** Starts a daemon that stays; the server knows the device then. */
async function startPolling(rig: ClientRig, server: MenderServer): Promise<Running> {
  const daemon = rig.start("daemon", "--stay");
  await server.journal.waitFor(
    ({ path, status }) => path.endsWith("/next") && status === 204,
    KNOWN,
  );
  return daemon;
}

const INSTALL = ["--install", "pause", "--once"];

test("flow set and flow clear reach the daemon without a D-Bus, and status shows the map", () =>
  withServer(
    { autoAccept: true },
    (server) =>
      withRig({ serverUrl: server.url, env: NO_BUS }, async (rig) => {
        const daemon = await startPolling(rig, server);
        const set = await rig.run("flow", "set", ...INSTALL);
        assert.deepEqual([set.code, set.stdout, set.stderr], [0, "1\n", ""]);

        const { daemon: shown } = JSON.parse((await rig.run("status", "--json")).stdout);
        assert.deepEqual(
          shown.controlMaps.map(({ priority, actions }: { priority: number; actions: unknown }) => [
            priority,
            actions,
          ]),
          [[-1, { ArtifactInstall_Enter: "pause" }]],
        );
        assert.equal(statSync(rig.paths.controlMaps).mode & 0o777, 0o600);

        const refused = await rig.run(
          "flow",
          "set",
          "--once",
          "--priority",
          "3",
          "--id",
          "nonsense",
        );
        assert.equal(refused.code, 2);
        assert.equal((await rig.run("flow", "clear")).code, 0);
        await waitUntil("no map", () => rig.read(rig.paths.controlMaps) === "");
        daemon.kill("SIGTERM");
        assert.equal((await daemon.ended).code, 0);
      }),
  ));

test("flow set without a D-Bus and without a daemon tells of the D-Bus", () =>
  withServer({}, (server) =>
    withRig({ serverUrl: server.url, env: NO_BUS }, async (rig) => {
      const { code, stderr } = await rig.run("flow", "set", ...INSTALL);
      assert.equal(code, 1);
      assert.match(stderr, /Cannot reach the D-Bus/);
    })));

test("a daemon that is held ends at SIGTERM at once, and status says that it is held", () =>
  withServer({ autoAccept: true }, (server) =>
    withRig({
      serverUrl: server.url,
      env: NO_BUS,
      config: { UpdateControlMapExpirationTimeSeconds: 600 },
    }, async (rig) => {
      const daemon = await startPolling(rig, server);
      assert.equal((await rig.run("flow", "set", ...INSTALL)).code, 0);
      await server.uploadArtifact(rigArtifact("release-2"));
      const id = server.createDeployment({ artifactName: "release-2" });
      await waitUntil("the hold", () => rig.record()?.phase === "held");
      const status = await rig.run("status");
      assert.equal(status.code, 0);
      assert.match(status.stdout, new RegExp(`deployment: ${id}, held`));
      assert.match(status.stdout, /map: [0-9a-f-]{36}, priority -1, install pause/);
      const before = Date.now();
      daemon.kill("SIGTERM");
      assert.equal((await daemon.ended).code, 0);
      assert.ok(Date.now() - before < 20_000, "it does not wait for the maps");
      assert.equal(rig.record().phase, "held");
      assert.deepEqual(rig.installed(), []);
    })));

test("a map of the server holds, is asked for again, and lets go; an invalid one fails at once", () =>
  withServer(
    { autoAccept: true },
    (server) =>
      withRig({ serverUrl: server.url, env: NO_BUS }, async (rig) => {
        const daemon = await startPolling(rig, server);
        await server.uploadArtifact(rigArtifact("release-2"));
        const states = (action: string) => ({ states: { ArtifactInstall_Enter: { action } } });
        const id = server.createDeployment({
          artifactName: "release-2",
          updateControlMap: states("pause"),
        });
        await waitUntil("the hold", () => rig.record()?.phase === "held", 30_000);
        const refresh = `${id}/update_control_map`;
        await server.journal.waitFor(({ path }) => path.endsWith(refresh), { timeoutMs: 30_000 });
        server.setUpdateControlMap(id, states("force_continue"));
        await waitUntil("the sub-updater", () => rig.read(`${rig.root}/installed`) !== "", 30_000);
        assert.equal((await rig.run("report", "--success")).code, 0);
        rig.remove(rig.paths.lock);
        await waitUntil("no map", () => rig.read(rig.paths.controlMaps) === "", 30_000);

        await server.uploadArtifact(rigArtifact("release-3"));
        const bad = server.createDeployment({
          artifactName: "release-3",
          updateControlMap: { ...states("pause"), priority: 11 },
        });
        await waitUntil(
          "the failure",
          () => server.deployment(bad).devices[0]?.status === "failure",
          30_000,
        );
        const history = server.deployment(bad).devices[0]?.history.map(({ status }) => status) ??
          [];
        assert.equal(history.includes("downloading"), false, history.join());
        assert.match(rig.record().outcome.message, /priority/);
        daemon.kill("SIGTERM");
        await daemon.ended;
      }),
  ));

test("flow wait holds by the stored maps while no daemon runs, and fails as they say", () =>
  withRig(
    {
      serverUrl: "http://127.0.0.1:1", // nobody is there to be told
      env: NO_BUS,
      install: null,
      config: { UpdateControlMapBootExpirationTimeSeconds: 5 },
    },
    async (rig) => {
      const nothing = await rig.run("flow", "wait", "ArtifactReboot_Enter");
      assert.deepEqual([nothing.code, nothing.stdout], [1, ""]);
      assert.match(nothing.stderr, /no deployment is in progress/);
      const wrong = await rig.run("flow", "wait", "ArtifactInstall_Enter");
      assert.equal(wrong.code, 2);

      rig.write(rig.paths.lock, "5b1d2f3a-0000-4000-8000-00000000000f");
      assert.equal((await rig.run("flow", "wait", "ArtifactReboot_Enter")).code, 0, "no maps");
      const map = (ome: string) => ({
        id: "01234567-89ab-cdef-0123-456789abcdef",
        priority: 0,
        states: { ArtifactCommit_Enter: { action: "pause", on_map_expire: ome } },
      });
      const store = (ome: string): void =>
        rig.write(
          rig.paths.controlMaps,
          JSON.stringify({ active: [map(ome)], expired: [] }),
          0o600,
        );
      store("continue");
      assert.equal((await rig.run("flow", "wait", "ArtifactReboot_Enter")).code, 0);
      const passed = await rig.run("flow", "wait", "ArtifactCommit_Enter");
      assert.equal(passed.code, 0, passed.stderr);
      assert.match(passed.stderr, /Held by update control at ArtifactCommit_Enter/);
      store("fail");
      const failed = await rig.run("flow", "wait", "ArtifactCommit_Enter");
      assert.equal(failed.code, 1);
      assert.match(
        failed.stderr,
        /Cannot go on: Update control has it fail at ArtifactCommit_Enter/,
      );
    },
  ));
