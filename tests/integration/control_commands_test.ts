import assert from "node:assert/strict";
import process from "node:process";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

/** Intervals so long that nothing happens by itself. */
const LONG = {
  config: { UpdatePollIntervalSeconds: 3600, InventoryPollIntervalSeconds: 3600 },
};

for (const by of ["command", "signal"] as const) {
  test(`check-update and send-inventory by ${by} wake the daemon at once`, async () => {
    await withServer({ autoAccept: true }, async (server) => {
      await withRig({ serverUrl: server.url, ...LONG }, async (rig) => {
        const daemon = rig.start("daemon");
        const count = (end: string): number =>
          server.journal.entries.filter(({ path }) => path.endsWith(end)).length;
        await waitUntil(
          "the first round",
          () => count("/next") === 1 && count("/attributes") === 1,
        );
        const ask = async (command: string, signal: NodeJS.Signals): Promise<void> => {
          if (by === "signal") return void process.kill(daemon.child.pid!, signal);
          const { code, stderr } = await rig.run(command);
          assert.equal(code, 0, stderr);
        };
        await ask("send-inventory", "SIGUSR2");
        await waitUntil("an inventory", () => count("/attributes") === 2);
        assert.equal(count("/next"), 1);
        await ask("check-update", "SIGUSR1");
        await waitUntil("a poll", () => count("/next") === 2);
        assert.equal(count("/attributes"), 2);
        daemon.kill("SIGTERM");
        assert.equal((await daemon.ended).code, 0, daemon.output());
      });
    });
  });
}

test("check-update, send-inventory and status say so when no daemon runs", async () => {
  await withRig({ serverUrl: "http://127.0.0.1:1" }, async (rig) => {
    for (const command of ["check-update", "send-inventory"]) {
      const { code, stdout, stderr } = await rig.run(command);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(
        stderr,
        /^Error: Cannot ask the daemon: none listens at .*daemon\.sock\n {2}Start/,
      );
    }
    const { code, stdout, stderr } = await rig.run("status");
    assert.deepEqual([code, stdout, stderr], [1, "daemon: does not run\ndeployment: none\n", ""]);
    assert.deepEqual(JSON.parse((await rig.run("status", "--json")).stdout), {
      daemon: null,
      deployment: null,
    });
  });
});

test("status tells polls, a deployment with its sub-updater, and how it ended", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url, ...LONG }, async (rig) => {
      const daemon = rig.start("daemon", "--stay");
      await waitUntil(
        "a poll",
        () => server.journal.entries.some(({ path }) => path.endsWith("/next")),
      );
      const idle = await waitUntil("an answered poll", async () => {
        const { code, stdout } = await rig.run("status", "--json");
        const view = JSON.parse(stdout);
        return code === 0 && view.daemon.lastPollSecondsAgo !== undefined && view;
      });
      assert.deepEqual([idle.daemon.isAuthorized, idle.daemon.isStale], [true, false]);
      assert.ok(idle.daemon.nextPollSeconds > 3000 && idle.daemon.nextPollSeconds <= 3600);
      assert.equal(idle.deployment, null);

      await server.uploadArtifact(rigArtifact("release-2", 3000));
      const id = server.createDeployment({ artifactName: "release-2" });
      assert.equal((await rig.run("check-update")).code, 0);
      await waitUntil("the sub-updater", () => rig.installed().length);
      const waiting = await waitUntil("the wait", async () => {
        const { code, stdout } = await rig.run("status");
        return code === 0 && /when the sub-updater has reported/.test(stdout) && stdout;
      });
      assert.match(waiting, new RegExp(`^deployment: ${id}, handed_over$`, "m"));
      assert.match(waiting, /^artifact: release-2$/m);

      assert.equal((await rig.run("report", "--success")).code, 0);
      const over = await rig.run("status");
      assert.match(over.stdout, new RegExp(`^deployment: ${id}, acknowledged \\(success\\)$`, "m"));
      daemon.kill("SIGTERM");
      assert.equal((await daemon.ended).code, 0, daemon.output());
    });
  });
});

test("status ends with 1, and names the failure, when polls are overdue", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      server.setInterceptor(async (exchange) => {
        await exchange.reply(500);
        return true;
      });
      const daemon = rig.start("daemon");
      await waitUntil("an attempt", () => server.journal.entries.length);
      const { stdout } = await waitUntil("overdue polls", async () => {
        const ended = await rig.run("status");
        return ended.code === 1 && ended.stdout.includes("daemon: runs") && ended;
      }, 20_000);
      assert.match(stdout, /^daemon: runs, not let in by the server$/m);
      assert.match(stdout, /^last failure: .*the server answered 500.*\(api\.server-error, /m);
      daemon.kill("SIGTERM");
      await daemon.ended;
    });
  });
});
