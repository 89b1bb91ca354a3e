import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import type { MenderServer } from "../../../lib/testing/mod.ts";
import { rigArtifact } from "../../support/client_rig.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";
import { withServer } from "../../support/with_server.ts";
import { Machine, type SimulatedProcess } from "./machine.ts";

const KEY = String(
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
    .export({ type: "pkcs8", format: "pem" }),
);
/** Seconds of the machine's clock, which runs fifty times as fast as ours. */
const LIMIT_SECONDS = 20;

interface Scene {
  readonly server: MenderServer;
  readonly machine: Machine;
  readonly id: string;
  /** The daemon, from now on, until it is asked to end. */
  daemon(): Promise<number | undefined>;
  statuses(): string[];
  // deno-lint-ignore no-explicit-any
  record(): any;
}

/** A deployment that is with a sub-updater which does what the test says. */
async function withScene(
  subUpdater: (machine: Machine, process: SimulatedProcess) => Promise<void>,
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  await withServer({ autoAccept: true }, async (server) => {
    const machine = new Machine({
      serverUrl: server.url,
      identity: "mac=02:11:22:33:44:55\n",
      key: KEY,
      config: { HandoffTimeoutSeconds: LIMIT_SECONDS },
      subUpdater,
    });
    await server.uploadArtifact(rigArtifact("release-2", 3000));
    await machine.run("daemon", "--once");
    const id = server.createDeployment({ artifactName: "release-2" });
    assert.equal(await machine.run("daemon"), 0);
    await body({
      server,
      machine,
      id,
      daemon: () => machine.run("daemon"),
      statuses: () => server.deployment(id).devices[0]!.history.map(({ status }) => status),
      record: () => JSON.parse(machine.disk.text(machine.paths.record) ?? "{}"),
    });
    assert.deepEqual(server.violations(), []);
  });
}

const isFree = ({ disk, paths }: Machine): boolean => disk.text(paths.lock) === undefined;
const endsAtOnce = (): Promise<void> => Promise.resolve();

test("a sub-updater that ends without a word is given up after HandoffTimeoutSeconds", async () => {
  await withScene(endsAtOnce, async ({ server, machine, id, daemon, statuses }) => {
    const running = daemon();
    await waitUntil("the failure", () => statuses().includes("failure"));
    await waitUntil("the release of the lock", () => isFree(machine));
    assert.deepEqual(statuses(), ["downloading", "installing", "failure"]);
    const log = server.deploymentLog(id, server.devices()[0]!.id)!.map(({ message }) => message);
    assert.ok(log.some((line) => line.includes("has not reported within 20 s")), log.join("\n"));
    machine.terminate();
    assert.equal(await running, 0);
    // A report that comes too late is told so; the same outcome is nothing new.
    assert.equal(await machine.run("report", "--success"), 1);
    assert.equal(await machine.run("report", "--failure"), 0);
    assert.deepEqual(statuses(), ["downloading", "installing", "failure"]);
  });
});

test("the wait is summed up over daemons and boots, and not by the wall clock", async () => {
  await withScene(endsAtOnce, async ({ machine, daemon, statuses, record }) => {
    const waited: number[] = [];
    for (let part = 0; part < 3; part++) {
      machine.clockIsOffByMs = (part - 1) * 50 * 365 * 86_400_000;
      const running = daemon();
      const before = waited.at(-1) ?? 0;
      await waitUntil("a part of the wait", () => (record().waitedMs ?? 0) > before);
      waited.push(record().waitedMs);
      if (part === 1) machine.reboot();
      machine.terminate();
      await running;
      assert.ok(!statuses().includes("failure"), `after ${waited} ms`);
    }
    const running = daemon();
    await waitUntil("the failure", () => statuses().includes("failure"));
    machine.terminate();
    await running;
  });
});

test("a sub-updater that still runs is never given up", async () => {
  let end = (): void => {};
  const works = new Promise<void>((resolve) => end = resolve);
  await withScene(async ({ disk, paths }, process) => {
    await works;
    process.mustLive();
    disk.remove(paths.lock);
  }, async ({ machine, daemon, statuses, record }) => {
    const running = daemon();
    await waitUntil("twice the limit", () => record().waitedMs > 2 * LIMIT_SECONDS * 1000);
    assert.deepEqual(statuses(), ["downloading", "installing"]);
    assert.equal(await machine.run("report", "--success"), 0);
    end();
    await waitUntil("the release of the lock", () => isFree(machine));
    machine.terminate();
    await running;
    assert.deepEqual(statuses(), ["downloading", "installing", "success"]);
  });
});

test("a report that comes before the server was told takes the place of what was assumed", async () => {
  await withScene(endsAtOnce, async ({ machine, daemon, statuses, record }) => {
    machine.hook = (step, process) => {
      // The failure is assumed; before the server is told, the daemon dies.
      if (record().outcome?.isAssumed && step.startsWith("write deployment.json")) process.kill();
    };
    assert.equal(await daemon(), undefined);
    machine.hook = () => {};
    assert.equal(record().outcome.isAssumed, true);
    assert.equal(await machine.run("report", "--success"), 0);
    assert.deepEqual(statuses(), ["downloading", "installing", "success"]);
  });
});
