import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { shellLine } from "../../lib/core/shell_words.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { type ClientRig, RIG_DEVICE_TYPE, withRig } from "../support/client_rig.ts";
import { menderPeer, prepareMender } from "../support/mender_namespace.ts";
import { peer } from "../support/peers.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const artifactTool = peer("mender-artifact", "apt-get install mender-artifact");
const skip = menderPeer().skip ?? artifactTool.skip;

/** Shell lines of the Update Module; `$1` is the state. */
const MODULES = {
  // Without a way back the real client commits at once, and nothing is left for the boot.
  "is sound": `[ "$1" = SupportsRollback ] && echo Yes\nexit 0`,
  "refuses to install": `[ "$1" = ArtifactInstall ] && exit 1\nexit 0`,
  "refuses to commit": `case "$1" in
  SupportsRollback) echo Yes ;;
  ArtifactCommit) exit 1 ;;
esac
exit 0`,
  "hangs while it installs":
    `[ "$1" = ArtifactInstall ] && touch "INSTALLING" && sleep 600\nexit 0`,
} as const;

interface Scene {
  readonly server: MenderServer;
  readonly rig: ClientRig;
  readonly deviceId: string;
  readonly id: string;
  /** Whether the sub-updater has asked for its reboot. */
  readonly wantsReboot: string;
  readonly isInstalling: string;
  /** What runs at boot: the sub-updater without an argument. */
  boot(): Promise<void>;
  statuses(): string[];
}

/**
 * The flow of the reference sub-updater of mender-python-client, with the real client as installer:
 * install, reboot; at boot commit, report, remove the lock; whatever is in the way, report the failure.
 */
async function withFlow(
  module: keyof typeof MODULES,
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      const wantsReboot = join(rig.root, "wants-reboot");
      const isInstalling = join(rig.root, "installing");
      const device = prepareMender({
        dir: join(rig.root, "mender"),
        artifactName: "release-1",
        deviceType: RIG_DEVICE_TYPE,
        mac: "02:11:22:33:44:55",
        modules: { acme: MODULES[module].replace("INSTALLING", isInstalling) },
      });
      const lock = rig.paths.lock;
      rig.script(
        rig.paths.installScript,
        `report() { ${shellLine(rig.command("report"))} "$@" && rm -f ${lock}; }
if [ $# -eq 1 ]; then
  if ${
          shellLine(device.command("install"))
        } "$1"; then touch ${wantsReboot}; else report --failure; fi
  exit
fi
if ${shellLine(device.command("commit"))}; then
  echo artifact_name=release-2 > ${rig.paths.artifactInfo}
  report --success
elif [ -e ${lock} ]; then
  report --failure
fi`,
      );
      await server.uploadArtifact(moduleImage(rig.root, "release-2"));
      const daemon = rig.start("daemon");
      const { id: deviceId } = await waitUntil("a device", () => server.devices()[0]);
      await waitUntil("its inventory", () => server.devices()[0]!.inventory.length);
      const id = server.createDeployment({ artifactName: "release-2" });
      const { code, stderr } = await daemon.ended;
      assert.equal(code, 0, stderr);
      await body({
        server,
        rig,
        deviceId,
        id,
        wantsReboot,
        isInstalling,
        boot: () =>
          new Promise((resolve, reject) => {
            const step = spawn(rig.paths.installScript, [], { stdio: "ignore" });
            step.once("error", reject);
            step.once("close", () => resolve());
          }),
        statuses: () => server.deployment(id).devices[0]!.history.map(({ status }) => status),
      });
      assert.ok(!existsSync(lock));
      assert.deepEqual(server.violations(), []);
    });
  });
}

function moduleImage(directory: string, name: string): Uint8Array {
  const payload = join(directory, "payload.txt");
  writeFileSync(payload, `content of ${name}\n`);
  const output = join(directory, `${name}.mender`);
  execFileSync("mender-artifact", [
    ...["write", "module-image", "-T", "acme", "-t", RIG_DEVICE_TYPE],
    ...["-n", name, "-f", payload, "-o", output],
  ]);
  return new Uint8Array(readFileSync(output));
}

const BEFORE = ["downloading", "installing"];

test("the reference flow with mender as installer: install, reboot, commit, report", async () => {
  await withFlow("is sound", async ({ rig, server, wantsReboot, boot, statuses }) => {
    await waitUntil("the wish to reboot", () => existsSync(wantsReboot), 20_000);
    assert.deepEqual(statuses(), BEFORE);
    // The machine goes down and comes up: first what runs at boot, then the daemon.
    await boot();
    assert.deepEqual(statuses(), [...BEFORE, "success"]);
    const { code, stderr } = await rig.run("daemon", "--once");
    assert.equal(code, 0, stderr);
    const name = server.devices()[0]!.inventory.find((each) => each.name === "artifact_name");
    assert.equal(name?.value, "release-2");
  });
}, { skip });

test(
  "the reference flow with mender as installer: a daemon that is up first waits for the boot step",
  async () => {
    await withFlow("is sound", async ({ rig, wantsReboot, boot, statuses }) => {
      await waitUntil("the wish to reboot", () => existsSync(wantsReboot), 20_000);
      const daemon = rig.start("daemon");
      await waitUntil("the wait", () => daemon.output().includes("waiting for its outcome"));
      await boot();
      assert.deepEqual(statuses(), [...BEFORE, "success"]);
      daemon.kill("SIGTERM");
      assert.equal((await daemon.ended).code, 0);
    });
  },
  { skip },
);

test(
  "the reference flow with mender as installer: a module that refuses is reported with its log",
  async () => {
    await withFlow("refuses to install", async ({ server, rig, id, deviceId, statuses }) => {
      await waitUntil("the failure", () => statuses().includes("failure"), 20_000);
      await waitUntil("the release of the lock", () => !existsSync(rig.paths.lock));
      const log = server.deploymentLog(id, deviceId)!.map(({ message }) => message).join("\n");
      assert.match(log, /Update module terminated abnormally/);
    });
  },
  { skip },
);

test("the reference flow with mender as installer: a commit that fails is a failure", async () => {
  await withFlow("refuses to commit", async ({ wantsReboot, boot, statuses }) => {
    await waitUntil("the wish to reboot", () => existsSync(wantsReboot), 20_000);
    await boot();
    assert.deepEqual(statuses(), [...BEFORE, "failure"]);
  });
}, { skip });

test(
  "the reference flow with mender as installer: a power cut in the middle is a failure",
  async () => {
    await withFlow("hangs while it installs", async ({ rig, isInstalling, boot, statuses }) => {
      await waitUntil("the installation", () => existsSync(isInstalling), 20_000);
      // The sub-updater leads a session of its own: all of it goes.
      process.kill(-rig.record().handoff.pid, "SIGKILL");
      await boot();
      assert.deepEqual(statuses(), [...BEFORE, "failure"]);
    });
  },
  { skip },
);

test(
  "the reference flow with mender as installer: a server that is away at report time is told later",
  async () => {
    await withFlow("is sound", async ({ server, rig, wantsReboot, boot, statuses }) => {
      await waitUntil("the wish to reboot", () => existsSync(wantsReboot), 20_000);
      server.setInterceptor((exchange) => {
        exchange.reset();
        return true;
      });
      await boot();
      assert.ok(existsSync(rig.paths.lock), "report ends with 3: the lock stays");
      const daemon = rig.start("daemon");
      await waitUntil("an attempt", () => daemon.output().includes("Failed to"));
      server.setInterceptor(undefined);
      await waitUntil("the report", () => statuses().includes("success"), 20_000);
      await waitUntil("the release of the lock", () => !existsSync(rig.paths.lock), 20_000);
      daemon.kill("SIGTERM");
      assert.equal((await daemon.ended).code, 0);
      assert.deepEqual(statuses(), [...BEFORE, "success"]);
    });
  },
  { skip },
);
