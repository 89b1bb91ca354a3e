import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { shellLine } from "../../lib/core/shell_words.ts";
import { RIG_DEVICE_TYPE, withRig } from "../support/client_rig.ts";
import { menderPeer, prepareMender, withMenderDaemon } from "../support/mender_namespace.ts";
import { peer } from "../support/peers.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const artifactTool = peer("mender-artifact", "apt-get install mender-artifact");
const mender = menderPeer();
const skip = mender.skip ?? artifactTool.skip;

/** An Artifact of the real tool, for the Update Module `acme`. */
function realArtifact(directory: string, name: string): Uint8Array {
  const payload = join(directory, "payload.txt");
  writeFileSync(payload, `content of ${name}\n`);
  const output = join(directory, `${name}.mender`);
  execFileSync("mender-artifact", [
    ...["write", "module-image", "-T", "acme", "-t", RIG_DEVICE_TYPE],
    ...["-n", name, "-f", payload, "-o", output],
  ]);
  return new Uint8Array(readFileSync(output));
}

const MODULE = `case "$1" in
  ArtifactInstall) cp files/payload.txt TARGET ;;
esac
exit 0`;

for (
  const [name, module, outcome] of [
    ["installs", MODULE, "success"],
    ["refuses", `[ "$1" = ArtifactInstall ] && exit 1\nexit 0`, "failure"],
  ] as const
) {
  test(
    `daemon hands an Artifact of mender-artifact to \`mender install\`, which ${name} it`,
    async () => {
      await withServer({ autoAccept: true }, async (server) => {
        await withRig({ serverUrl: server.url }, async (rig) => {
          const target = join(rig.root, "installed-payload");
          // The real client has its own device around it; it only installs, as on a device where it
          // was the sub-updater of mender-python-client.
          const peerDevice = prepareMender({
            dir: join(rig.root, "mender"),
            artifactName: "release-1",
            deviceType: RIG_DEVICE_TYPE,
            mac: "02:11:22:33:44:55",
            modules: { acme: module.replace("TARGET", target) },
          });
          rig.script(
            rig.paths.installScript,
            `if ${shellLine(peerDevice.command("install"))} "$1"; then
  echo artifact_name=release-2 > ${rig.paths.artifactInfo}
  ${shellLine(rig.command("report", "--success"))} && rm ${rig.paths.lock}
else
  ${shellLine(rig.command("report", "--failure"))} && rm ${rig.paths.lock}
fi`,
          );
          await server.uploadArtifact(realArtifact(rig.root, "release-2"));
          const daemon = rig.start("daemon");
          const device = await waitUntil("a device", () => server.devices()[0]);
          const id = server.createDeployment({ artifactName: "release-2" });
          const { code, stderr } = await daemon.ended;
          assert.equal(code, 0, stderr);
          const final = await waitUntil("the final status", () => {
            const { status } = server.deployment(id).devices[0]!;
            return ["success", "failure"].includes(status) && status;
          }, 20_000);
          const said = rig.read(rig.paths.subUpdaterLog);
          assert.equal(final, outcome, said);
          await waitUntil("the release of the lock", () => rig.read(rig.paths.lock) === "");
          if (outcome === "success") {
            assert.equal(readFileSync(target, "utf8"), "content of release-2\n");
          } else {
            const log = server.deploymentLog(id, device.id)!.map(({ message }) => message);
            assert.ok(
              log.some((line) => /Update module terminated abnormally/.test(line)),
              log.join("\n"),
            );
          }
          const history = server.deployment(id).devices[0]!.history.map(({ status }) => status);
          assert.deepEqual(history, ["downloading", "installing", outcome]);
          assert.deepEqual(server.violations(), []);
        });
      });
    },
    { skip },
  );
}

test(
  "daemon takes the place of a running mender 3.4.0: same key, same identity, one device",
  async () => {
    await withServer({}, async (server) => {
      await withRig({ serverUrl: server.url }, async (rig) => {
        const peerDevice = prepareMender({
          dir: join(rig.root, "mender"),
          serverUrl: server.url,
          artifactName: "release-1",
          deviceType: RIG_DEVICE_TYPE,
          mac: "02:11:22:33:44:55",
          modules: {},
        });
        await withMenderDaemon(peerDevice, async () => {
          const device = await waitUntil("a device", () => server.devices()[0]);
          server.acceptDevice(device.id);
          await waitUntil("its inventory", () => server.devices()[0]!.inventory.length);
        });
        rig.write(join(peerDevice.dataPath, "device_type"), `device_type=${RIG_DEVICE_TYPE}\n`);
        const { code, stderr } = await rig.run("--data", peerDevice.dataPath, "daemon", "--once");
        assert.equal(code, 0, stderr);
        const [device, ...others] = server.devices();
        assert.deepEqual(others, []);
        assert.equal(device!.authSets.length, 1);
        assert.ok(device!.inventory.some(({ value }) => String(value).startsWith("mender-deno")));
      });
    });
  },
  { skip: mender.skip },
);
