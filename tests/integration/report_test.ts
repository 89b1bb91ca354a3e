import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { type ClientRig, type Ended, rigArtifact, withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

interface Scene {
  readonly server: MenderServer;
  readonly rig: ClientRig;
  readonly id: string;
  /** Statuses that the server was sent, in order, repeated ones too. */
  sent(): string[];
}

/** A device whose deployment is with its sub-updater, which does nothing by itself. */
async function handedOver(body: (scene: Scene) => Promise<void>): Promise<void> {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      await server.uploadArtifact(rigArtifact("release-2"));
      const daemon = rig.start("daemon");
      await waitUntil("a device", () => server.devices()[0]?.inventory.length);
      const id = server.createDeployment({ artifactName: "release-2" });
      const { code, stderr } = await daemon.ended;
      assert.equal(code, 0, stderr);
      const sent = (): string[] =>
        server.journal.entries
          .filter(({ path, method, status }) =>
            method === "PUT" && path.endsWith("/status") && status === 204
          )
          .map(({ body }) => (body as { status: string }).status);
      await body({ server, rig, id, sent });
      assert.deepEqual(server.violations(), []);
    });
  });
}

const BEFORE = ["downloading", "installing"];

test("report beside a running daemon is delivered by the daemon, at once", async () => {
  await handedOver(async ({ rig, sent }) => {
    const daemon = rig.start("daemon");
    await waitUntil("the wait", () => daemon.output().includes("waiting for its outcome"));
    const reported = await rig.run("report", "--success");
    assert.equal(reported.code, 0, reported.stderr);
    assert.deepEqual(sent(), [...BEFORE, "success"]);
    assert.match(daemon.output(), /Reporting "success" to the server/);
    assert.doesNotMatch(reported.stderr, /Reporting/);
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
  });
});

test("report beside a daemon that cannot reach the server ends with 3, and is delivered later", async () => {
  await handedOver(async ({ server, rig, sent }) => {
    const daemon = rig.start("daemon");
    await waitUntil("the wait", () => daemon.output().includes("waiting for its outcome"));
    server.setInterceptor((exchange) => {
      exchange.reset();
      return true;
    });
    const reported = await rig.run("report", "--failure", "--message", "out of flash");
    assert.equal(reported.code, 3, reported.stderr);
    assert.match(reported.stderr, /"failure" is recorded and will be reported/);
    server.setInterceptor(undefined);
    await waitUntil("the report", () => sent().includes("failure"));
    await waitUntil("the release of the lock", () => !existsSync(rig.paths.lock));
    assert.deepEqual(sent(), [...BEFORE, "failure"]);
    daemon.kill("SIGTERM");
    await daemon.ended;
  });
});

test("two reports of the same outcome at once are both right, and one is sent", async () => {
  await handedOver(async ({ rig, sent }) => {
    const ended = await Promise.all([1, 2].map(() => rig.run("report", "--success")));
    assert.deepEqual(ended.map(({ code }) => code), [0, 0], ended.map((e) => e.stderr).join(""));
    assert.deepEqual(sent(), [...BEFORE, "success"]);
  });
});

test("of two reports of opposite outcomes at once one wins, and the other is told so", async () => {
  await handedOver(async ({ rig, sent }) => {
    const [success, failure] = await Promise.all(
      ["--success", "--failure"].map((outcome) => rig.run("report", outcome)),
    ) as [Ended, Ended];
    const codes = [success.code, failure.code];
    assert.deepEqual([...codes].sort(), [0, 1], success.stderr + failure.stderr);
    const loser = codes[0] === 1 ? success : failure;
    assert.match(
      loser.stderr,
      /^Error: Cannot report "\w+" for deployment .* was reported before$/m,
    );
    assert.deepEqual(sent(), [...BEFORE, codes[0] === 0 ? "success" : "failure"]);
  });
});

test("a daemon that starts while a report delivers waits for it, and delivers nothing twice", async () => {
  await handedOver(async ({ server, rig, sent }) => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => release = resolve);
    let isAsked = false;
    server.setInterceptor(async (exchange) => {
      if (!exchange.target.endsWith("/status")) return false;
      isAsked = true;
      await held;
      return false;
    });
    const report = rig.start("report", "--success");
    await waitUntil("the report at the server", () => isAsked);
    const daemon = rig.start("daemon");
    const second = rig.start("daemon");
    // Nothing tells that a daemon waits, by design: what counts is that neither gives up, nor works.
    await waitUntil("both daemons", () => daemon.child.pid && second.child.pid);
    release();
    assert.equal((await report.ended).code, 0, report.output());
    await waitUntil("one daemon at work", () => !existsSync(rig.paths.lock));
    const [loser, winner] = await Promise.race([
      daemon.ended.then((ended) => [ended, second] as const),
      second.ended.then((ended) => [ended, daemon] as const),
    ]);
    assert.match(loser.stderr, /^Error: Cannot start: another daemon holds/m);
    winner.kill("SIGTERM");
    assert.equal((await winner.ended).code, 0);
    assert.deepEqual(sent(), [...BEFORE, "success"]);
  });
});

test("report --status tells what the sub-updater does, and is no outcome", async () => {
  await handedOver(async ({ rig, sent }) => {
    const rebooting = await rig.run("report", "--status", "rebooting");
    assert.equal(rebooting.code, 0, rebooting.stderr);
    assert.equal((await rig.run("report", "--success")).code, 0);
    const late = await rig.run("report", "--status", "installing");
    assert.equal(late.code, 1);
    assert.match(
      late.stderr,
      /^Error: Cannot report "installing" .*"success" was reported before$/m,
    );
    assert.deepEqual(sent(), [...BEFORE, "rebooting", "success"]);
  });
});

test("report --status that cannot be delivered ends with 3; the next daemon sends it", async () => {
  await handedOver(async ({ server, rig, sent }) => {
    server.setInterceptor((exchange) => {
      exchange.reset();
      return true;
    });
    const reported = await rig.run("report", "--status", "rebooting");
    assert.equal(reported.code, 3, reported.stderr);
    server.setInterceptor(undefined);
    const daemon = rig.start("daemon");
    await waitUntil("the status", () => sent().includes("rebooting"));
    daemon.kill("SIGTERM");
    await daemon.ended;
    assert.ok(existsSync(rig.paths.lock));
    assert.equal((await rig.run("report", "--failure")).code, 0);
    assert.deepEqual(sent(), [...BEFORE, "rebooting", "failure"]);
  });
});

test("report --status says when the server has ended the deployment: time to roll back", async () => {
  await handedOver(async ({ server, rig, id }) => {
    server.abortDeployment(id);
    const reported = await rig.run("report", "--status", "rebooting");
    assert.equal(reported.code, 1);
    assert.match(reported.stderr, /^Error: Cannot report "rebooting": the server has ended this/m);
    assert.match(reported.stderr, /Roll back/);
    assert.equal((await rig.run("report", "--failure")).code, 0);
  });
});
