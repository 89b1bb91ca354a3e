import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { HttpExchange, MenderServer } from "../../lib/testing/mod.ts";
import { type ClientRig, rigArtifact, type RigOptions, withRig } from "../support/client_rig.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

/** What is stopped would go on for a minute and more: by then the stop has not worked. */
const STOPPED_WITHIN_MS = 20_000;

/** The device, the server, and what a row of the table may do with them. */
interface Scene {
  readonly rig: ClientRig;
  /** Directory of the programs that stand in for others. */
  readonly programs: string;
  readonly server: MenderServer;
  /** Lets requests that fit arrive and never answers them. */
  stall(fits: (exchange: HttpExchange) => boolean): void;
  /** Whether such a request has arrived. */
  isStalled(): boolean;
}

interface Phase {
  readonly name: string;
  readonly rig?: Partial<RigOptions>;
  /** Programs that stand in for those of the system: name and shell lines. */
  readonly programs?: Readonly<Record<string, string>>;
  /** Makes the daemon stop in this phase. */
  prepare(scene: Scene): void | Promise<void>;
  /** Whether the daemon is in this phase. */
  isReached(scene: Scene): boolean;
  /** Phase of the record after the stop; `undefined`: there is none. */
  readonly record: string | undefined;
  /** How the deployment stands at the server in the end; `undefined`: the sub-updater has it. */
  readonly end?: "failure" | "success";
}

const SIZE = 600_000;

const at = (end: string) => ({ target, method }: HttpExchange): boolean =>
  method !== "GET" && target.split("?")[0]!.endsWith(end);

const phases: Phase[] = [
  {
    name: "authenticating",
    prepare: ({ stall }) => stall(at("/auth_requests")),
    isReached: ({ isStalled }) => isStalled(),
    record: undefined,
  },
  {
    name: "asking the identity script",
    rig: { identity: "trap '' TERM; [ -e $0.go ] || { touch $0.runs; sleep 61; }; echo mac=1" },
    prepare: () => {},
    isReached: ({ rig }) => existsSync(`${rig.paths.identityScript}.runs`),
    record: undefined,
  },
  {
    name: "running an inventory script",
    rig: {
      inventory: { slow: "trap '' TERM; [ -e $0.go ] || { touch $0.runs; sleep 61; }; echo a=1" },
    },
    prepare: () => {},
    isReached: ({ rig }) => existsSync(join(rig.paths.inventoryDirectory, "slow.runs")),
    record: undefined,
  },
  {
    name: "sending the inventory",
    prepare: ({ stall }) => stall(at("/attributes")),
    isReached: ({ isStalled }) => isStalled(),
    record: undefined,
  },
  {
    name: "polling",
    prepare: ({ stall }) => stall(at("/next")),
    isReached: ({ isStalled }) => isStalled(),
    record: undefined,
  },
  {
    name: "delivering the status downloading",
    prepare: ({ stall }) => stall(at("/status")),
    isReached: ({ isStalled }) => isStalled(),
    record: "downloading",
  },
  {
    name: "downloading",
    prepare: ({ server }) =>
      server.setInterceptor(async (exchange) => {
        if (!exchange.target.startsWith("/storage/")) return false;
        exchange.start(200, { "content-length": `${ARTIFACT.length}` });
        await exchange.write(ARTIFACT.subarray(0, SIZE / 2));
        return await new Promise<boolean>(() => {});
      }),
    isReached: ({ rig }) =>
      existsSync(rig.paths.partFile) && statSync(rig.paths.partFile).size >= SIZE / 2,
    record: "downloading",
  },
  {
    name: "handing over",
    // The start marker, a link, is long in coming.
    programs: { ln: 'touch "$0.runs"; sleep 3; exec /bin/ln "$@"' },
    prepare: () => {},
    isReached: ({ programs }) => existsSync(join(programs, "ln.runs")),
    record: "handing_over",
  },
  {
    name: "delivering a failure",
    rig: { install: null },
    prepare: ({ server, stall }) => {
      const isFailure = (exchange: HttpExchange): boolean =>
        at("/status")(exchange) &&
        server.journal.entries.some(({ body }) =>
          (body as { status?: string } | undefined)?.status === "downloading"
        );
      stall(isFailure);
    },
    isReached: ({ isStalled }) => isStalled(),
    record: "outcome_recorded",
    end: "failure",
  },
  {
    name: "delivering the log of a failure",
    rig: { install: null },
    prepare: ({ stall }) => stall(at("/log")),
    isReached: ({ isStalled }) => isStalled(),
    record: "outcome_recorded",
    end: "failure",
  },
];

const ARTIFACT = rigArtifact("release-2", SIZE);

/** Runs a body with a server that can be told to let requests hang. */
function withScene(
  { rig: options = {}, programs = {} }: Pick<Phase, "rig" | "programs">,
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  return inTemporaryDirectory((directory) =>
    withServer({ autoAccept: true }, (server) => {
      const env = { PATH: `${directory}:${process.env["PATH"]}` };
      return withRig({ serverUrl: server.url, env, ...options }, async (rig) => {
        for (const [name, lines] of Object.entries(programs)) {
          rig.script(join(directory, name), lines);
        }
        let hits = 0;
        await body({
          rig,
          server,
          programs: directory,
          stall: (fits) =>
            server.setInterceptor(async (exchange) => {
              if (!fits(exchange)) return false;
              hits++;
              return await new Promise<boolean>(() => {});
            }),
          isStalled: () => hits > 0,
        });
      });
    })
  );
}

/** Sends SIGTERM to a daemon that is in a phase, and looks at how it ends. */
async function stop(daemon: ReturnType<ClientRig["start"]>): Promise<void> {
  assert.equal(daemon.child.exitCode, null, daemon.output());
  const from = performance.now();
  daemon.kill("SIGTERM");
  const { code, stderr } = await daemon.ended;
  assert.equal(code, 0, stderr);
  const ms = performance.now() - from;
  assert.ok(ms < STOPPED_WITHIN_MS, `it took ${ms} ms`);
}

/** Whether scripts of the table that would hang do their work. */
function letScriptsPass(rig: ClientRig, isPassing: boolean): void {
  for (const script of ["identity/mender-device-identity", "inventory/slow"]) {
    const go = join(rig.root, "usr/share/mender", `${script}.go`);
    if (isPassing) rig.write(go, "");
    else rig.remove(go);
  }
}

const statuses = (server: MenderServer, id: string): string[] =>
  server.deployment(id).devices[0]?.history.map(({ status }) => status) ?? [];

for (const phase of phases) {
  test(`SIGTERM ends a daemon that is ${phase.name}, and the next one goes on`, async () => {
    await withScene(phase, async (scene) => {
      const { rig, server } = scene;
      await server.uploadArtifact(ARTIFACT);
      // The device is known to the server before anything hangs.
      letScriptsPass(rig, true);
      const known = await rig.run("daemon", "--once");
      assert.equal(known.code, 0, known.stderr);
      const id = server.createDeployment({ artifactName: "release-2" });
      letScriptsPass(rig, false);
      await phase.prepare(scene);

      const daemon = rig.start("daemon");
      await waitUntil(phase.name, () => phase.isReached(scene), 30_000).catch((error) => {
        throw new Error(`${error.message}\n${daemon.output()}`);
      });
      await stop(daemon);
      assert.equal(rig.record()?.phase, phase.record);
      assert.ok(!existsSync(rig.paths.controlSocket));

      server.setInterceptor(undefined);
      letScriptsPass(rig, true);
      const next = rig.start("daemon", "--stay");
      if (phase.end === undefined) {
        await waitUntil("the sub-updater", () => rig.installed().length, 30_000);
        await waitUntil("the record", () => rig.record()?.phase === "handed_over");
        assert.equal((await rig.run("report", "--success")).code, 0);
      }
      const end = phase.end ?? "success";
      await waitUntil("the end", () => statuses(server, id).at(-1) === end, 30_000);
      await waitUntil("the acknowledgement", () => rig.record()?.phase === "acknowledged");
      if (end === "failure") {
        const device = server.devices()[0]!.id;
        await waitUntil("the log", () => server.deploymentLog(id, device));
      }
      assert.equal(rig.installed().length, phase.end === undefined ? 1 : 0);
      assert.deepEqual(server.violations(), []);
      await stop(next);
    });
  });
}

test("SIGTERM ends a daemon that verifies what was stored, and the next one goes on behind it", async () => {
  await withScene({}, async ({ rig, server }) => {
    const large = rigArtifact("release-2", 128 << 20);
    await server.uploadArtifact(large);
    const stored = (): number =>
      existsSync(rig.paths.partFile) ? statSync(rig.paths.partFile).size : 0;
    assert.equal((await rig.run("daemon", "--once")).code, 0);
    const id = server.createDeployment({ artifactName: "release-2" });
    const nearlyAll = large.length - 1_000_000;
    server.setInterceptor(async (exchange) => {
      if (!exchange.target.startsWith("/storage/")) return false;
      exchange.start(200, { "content-length": `${large.length}`, etag: '"tag"' });
      await exchange.write(large.subarray(0, nearlyAll));
      return await new Promise<boolean>(() => {});
    });
    const first = rig.start("daemon");
    await waitUntil("the bytes", () => stored() >= nearlyAll, 60_000);
    await stop(first);
    server.setInterceptor(undefined);

    const verifying = rig.start("daemon", "-l", "debug");
    await waitUntil("the check", () => verifying.output().includes("Phase downloading"));
    await stop(verifying);
    assert.doesNotMatch(verifying.output(), /handed over/);
    assert.equal(rig.record().phase, "downloading");
    assert.ok(stored() >= nearlyAll);

    const next = await rig.run("daemon");
    assert.equal(next.code, 0, next.stderr);
    assert.match(next.stderr, /Going on behind \d+ stored bytes/);
    await waitUntil("the sub-updater", () => rig.installed().length);
    assert.deepEqual(statuses(server, id), ["downloading", "installing"]);
    assert.deepEqual(server.violations(), []);
  });
});

test("SIGTERM ends a daemon that waits at the lock, and the lock stays", async () => {
  await withScene({}, async ({ rig, server }) => {
    await server.uploadArtifact(ARTIFACT);
    const daemon = rig.start("daemon", "--stay");
    await waitUntil("a device", () => server.devices()[0]?.inventory.length);
    const id = server.createDeployment({ artifactName: "release-2" });
    await waitUntil("the wait", () => daemon.output().includes("waiting for its outcome"));
    await stop(daemon);
    assert.equal(rig.read(rig.paths.lock), id);
    assert.equal(rig.record().phase, "handed_over");
    const next = rig.start("daemon", "--stay");
    await waitUntil("the wait", () => next.output().includes("waiting for its outcome"));
    assert.equal((await rig.run("report", "--success")).code, 0);
    await waitUntil("success", () => statuses(server, id).at(-1) === "success");
    assert.equal(rig.installed().length, 1);
    await stop(next);
  });
});

test("SIGTERM ends a daemon that delivers an outcome, which the next one delivers", async () => {
  await withScene({}, async ({ rig, server, stall, isStalled }) => {
    await server.uploadArtifact(ARTIFACT);
    const daemon = rig.start("daemon");
    await waitUntil("a device", () => server.devices()[0]?.inventory.length);
    const id = server.createDeployment({ artifactName: "release-2" });
    assert.equal((await daemon.ended).code, 0);
    await waitUntil("the sub-updater", () => rig.installed().length);
    server.setInterceptor((exchange) => {
      exchange.reset();
      return true;
    });
    assert.equal((await rig.run("report", "--success")).code, 3);
    stall(at("/status"));
    const delivering = rig.start("daemon");
    await waitUntil("the delivery", isStalled);
    await stop(delivering);
    assert.equal(rig.record().phase, "outcome_recorded");
    server.setInterceptor(undefined);
    const next = rig.start("daemon");
    await waitUntil("success", () => statuses(server, id).at(-1) === "success");
    await waitUntil("the lock's end", () => !existsSync(rig.paths.lock));
    assert.equal(rig.installed().length, 1);
    assert.deepEqual(server.violations(), []);
    await stop(next);
  });
});
