import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";

/** Statuses that a deployment went through on its only device. */
function history(server: MenderServer, id: string): string[] {
  return server.deployment(id).devices[0]!.history.map(({ status }) => status);
}

function assertNoTrace(output: string): void {
  assert.doesNotMatch(output, /^\s+at .*[:(]\d+/m);
  assert.doesNotMatch(output, /Uncaught|unhandled/i);
}

test("daemon hands a deployment over: lock, one start with the Artifact's path, exit 0", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      const artifact = rigArtifact("release-2");
      await server.uploadArtifact(artifact);
      const daemon = rig.start("daemon");
      await waitUntil("a device", () => server.devices()[0]?.inventory.length);
      const id = server.createDeployment({ artifactName: "release-2" });
      const ended = await daemon.ended;
      assert.equal(ended.code, 0, ended.stderr);
      assertNoTrace(ended.stderr);
      assert.equal(rig.read(rig.paths.lock), id);
      await waitUntil("the sub-updater", () => rig.installed().length);
      assert.deepEqual(rig.installed(), [rig.paths.artifactFile]);
      assert.equal(statSync(rig.paths.artifactFile).size, artifact.length);
      assert.ok(!existsSync(rig.paths.partFile));
      assert.equal(rig.record().phase, "handed_over");
      assert.deepEqual(history(server, id), ["downloading", "installing"]);
      assert.deepEqual(server.violations(), []);
    });
  });
});

test("report --success finishes the deployment; the lock is the sub-updater's to remove", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      await server.uploadArtifact(rigArtifact("release-2"));
      const daemon = rig.start("daemon");
      await waitUntil("a device", () => server.devices()[0]);
      const id = server.createDeployment({ artifactName: "release-2" });
      await daemon.ended;
      const reported = await rig.run("report", "--success");
      assert.equal(reported.code, 0, reported.stderr);
      assert.deepEqual(history(server, id), ["downloading", "installing", "success"]);
      assert.equal(server.deployment(id).status, "finished");
      assert.ok(existsSync(rig.paths.lock));
      assert.ok(!existsSync(rig.paths.artifactFile));
      assert.equal(rig.record().phase, "acknowledged");
      const opposite = await rig.run("report", "--failure");
      assert.equal(opposite.code, 1);
      assert.match(opposite.stderr, /"success" was reported before/);
      assert.deepEqual(server.violations(), []);
    });
  });
});

test("report --failure uploads the client's log and the sub-updater's", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    const install = `echo "flashing $1"; echo "write error at block 7" >&2`;
    await withRig({ serverUrl: server.url, install }, async (rig) => {
      await server.uploadArtifact(rigArtifact("release-2"));
      const daemon = rig.start("daemon");
      const device = await waitUntil("a device", () => server.devices()[0]);
      const id = server.createDeployment({ artifactName: "release-2" });
      await daemon.ended;
      await waitUntil("output", () => rig.read(rig.paths.subUpdaterLog).includes("block 7"));
      const reported = await rig.run("report", "--failure", "--message", "flash is worn out");
      assert.equal(reported.code, 0, reported.stderr);
      assert.deepEqual(history(server, id), ["downloading", "installing", "failure"]);
      const log = server.deploymentLog(id, device.id)!.map(({ message }) => message).join("\n");
      assert.match(log, /Artifact "release-2" downloaded and verified/);
      assert.match(log, /flash is worn out/);
      assert.match(log, /write error at block 7/);
      assert.deepEqual(server.violations(), []);
    });
  });
});

test("report works for a deployment that only the lock names", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      await server.uploadArtifact(rigArtifact("release-2"));
      const daemon = rig.start("daemon");
      await waitUntil("a device", () => server.devices()[0]);
      const id = server.createDeployment({ artifactName: "release-2" });
      await daemon.ended;
      rig.write(rig.paths.lock, `${id}\n`);
      rig.write(rig.paths.record, "");
      const reported = await rig.run("report", "--success");
      assert.equal(reported.code, 0, reported.stderr);
      assert.equal(history(server, id).at(-1), "success");
    });
  });
});

test("report without a deployment, or without an outcome, changes nothing", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      const nothing = await rig.run("report", "--success");
      assert.equal(nothing.code, 1);
      assert.match(
        nothing.stderr,
        /^Error: Cannot report an outcome: no deployment is in progress$/m,
      );
      for (
        const flags of [[], ["--success", "--failure"], ["--success", "--status", "rebooting"]]
      ) {
        const usage = await rig.run("report", ...flags);
        assert.equal(usage.code, 2);
        assert.match(usage.stderr, /give one of --success, --failure and --status/);
      }
      assert.equal(server.journal.entries.length, 0);
    });
  });
});

test("report is recorded while the server is away, and delivered by the next daemon", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      await server.uploadArtifact(rigArtifact("release-2"));
      const daemon = rig.start("daemon");
      await waitUntil("a device", () => server.devices()[0]);
      const id = server.createDeployment({ artifactName: "release-2" });
      await daemon.ended;
      server.setInterceptor((exchange) => {
        exchange.reset();
        return true;
      });
      const reported = await rig.run("report", "--success");
      assert.deepEqual(JSON.parse(rig.read(`${rig.paths.dataDirectory}/outcome.${id}.json`)), {
        status: "success",
      });
      assertNoTrace(reported.stderr);
      assert.equal(rig.record().phase, "outcome_recorded");
      server.setInterceptor(undefined);
      const next = rig.start("daemon");
      await waitUntil("the report", () => server.deployment(id).devices[0]!.status === "success");
      await waitUntil("the release of the lock", () => !existsSync(rig.paths.lock));
      next.kill("SIGTERM");
      assert.equal((await next.ended).code, 0);
      assert.deepEqual(rig.installed(), [rig.paths.artifactFile]);
      assert.deepEqual(server.violations(), []);
    });
  });
});

test("daemon waits while the lock stands, and talks to nobody", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      rig.write(rig.paths.lock, "0f0f0f0f-1111-4222-8333-444444444444");
      const daemon = rig.start("daemon");
      await waitUntil("the wait", () => daemon.output().includes("waiting for its outcome"));
      assert.equal(server.journal.entries.length, 0);
      assert.equal(rig.record().phase, "handed_over");
      daemon.kill("SIGTERM");
      assert.equal((await daemon.ended).code, 0);
      assert.ok(existsSync(rig.paths.lock));
    });
  });
});

test("a sub-updater that removes the lock without a report is reported as a failure", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      rig.script(rig.paths.installScript, `rm ${rig.paths.lock}`);
      await server.uploadArtifact(rigArtifact("release-2"));
      const daemon = rig.start("daemon");
      await waitUntil("a device", () => server.devices()[0]);
      const id = server.createDeployment({ artifactName: "release-2" });
      await daemon.ended;
      await waitUntil("the end of the sub-updater", () => !existsSync(rig.paths.lock));
      const next = await rig.run("daemon", "--once");
      assert.equal(next.code, 0, next.stderr);
      assert.deepEqual(history(server, id), ["downloading", "installing", "failure"]);
    });
  });
});

test("--stay goes on after the hand-off and reports what is installed then", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      const report = rig.command("report", "--success").map((word) => `'${word}'`).join(" ");
      rig.script(
        rig.paths.installScript,
        `echo artifact_name=release-2 > ${rig.paths.artifactInfo}; ${report} && rm ${rig.paths.lock}`,
      );
      await server.uploadArtifact(rigArtifact("release-2"));
      const daemon = rig.start("daemon", "--stay");
      await waitUntil("a device", () => server.devices()[0]?.inventory.length);
      const id = server.createDeployment({ artifactName: "release-2" });
      await waitUntil("success", () => server.deployment(id).devices[0]!.status === "success");
      await waitUntil(
        "the new inventory",
        () => server.devices()[0]!.inventory.some(({ value }) => value === "release-2"),
      );
      daemon.kill("SIGTERM");
      assert.equal((await daemon.ended).code, 0);
      assert.deepEqual(server.violations(), []);
    });
  });
});

interface BadArtifact {
  readonly name: string;
  readonly code: RegExp;
  readonly config?: Record<string, unknown>;
  readonly install?: string | null;
  readonly damage?: (bytes: Uint8Array) => Uint8Array;
  readonly before?: (rig: Parameters<Parameters<typeof withRig>[1]>[0]) => void;
}

const VERIFY_KEY = fileURLToPath(new URL("../data/verify_key.pem", import.meta.url));
const MISSING_KEY = "/nowhere/verify_key.pem";

const refused: BadArtifact[] = [
  {
    name: "a flipped bit in the payload",
    code: /is not sound gzip|checksum/,
    damage: (bytes) => {
      const copy = bytes.slice();
      copy[Math.floor(copy.length / 2)]! ^= 1;
      return copy;
    },
  },
  {
    name: "an error page of the right length",
    code: /tar|version/i,
    damage: (b) => b.map(() => 60),
  },
  {
    name: "no signature where one is wanted",
    code: /no "manifest.sig", and keys are configured/,
    config: { ArtifactVerifyKey: VERIFY_KEY },
  },
  {
    name: "a verify key that cannot be read",
    code: /Cannot verify Artifacts: .*no such file/,
    config: { ArtifactVerifyKey: MISSING_KEY },
  },
  { name: "no sub-updater", code: /no sub-updater/, install: null },
  {
    name: "a sub-updater that is not executable",
    code: /not executable/,
    before: (rig) => rig.write(rig.paths.installScript, "#!/bin/sh\n", 0o644),
  },
];

for (const row of refused) {
  test(`daemon reports a failure, starts nothing and lives on: ${row.name}`, async () => {
    await withServer({ autoAccept: true }, async (server) => {
      const options = {
        serverUrl: server.url,
        read: [VERIFY_KEY, MISSING_KEY],
        ...(row.config && { config: row.config }),
      };
      await withRig(
        { ...options, ...("install" in row && { install: row.install }) },
        async (rig) => {
          row.before?.(rig);
          const artifact = rigArtifact("release-2");
          await server.uploadArtifact(artifact);
          if (row.damage) {
            const damaged = row.damage(artifact);
            server.setInterceptor(async (exchange) => {
              if (
                !exchange.target.includes("/download") && !exchange.target.includes("/artifacts/")
              ) {
                return false;
              }
              await exchange.reply(200, { "content-length": String(damaged.length) }, damaged);
              return true;
            });
          }
          const daemon = rig.start("daemon");
          const device = await waitUntil("a device", () => server.devices()[0]);
          const id = server.createDeployment({ artifactName: "release-2" });
          await waitUntil("the failure", () => server.deploymentLog(id, device.id));
          assert.equal(server.deployment(id).devices[0]!.status, "failure");
          const log = server.deploymentLog(id, device.id)!.map(({ message }) => message).join("\n");
          assert.match(log, row.code);
          assert.deepEqual(rig.installed(), []);
          assert.ok(!existsSync(rig.paths.lock));
          assert.ok(!existsSync(rig.paths.partFile));
          assert.ok(!existsSync(join(rig.paths.dataDirectory, "artifact.mender")));
          const polls = server.journal.entries.length;
          await waitUntil("the next poll", () => server.journal.entries.length > polls);
          assert.equal(daemon.child.exitCode, null);
          assertNoTrace(daemon.output());
          assert.deepEqual(server.violations(), []);
        },
      );
    });
  });
}
