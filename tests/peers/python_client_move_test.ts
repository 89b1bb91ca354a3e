/**
 * A device moves from the real mender-python-client, of which `MENDER_PYTHON_CLIENT` names the directory
 * `src`, run by `MENDER_PYTHON` (python3 when absent) with its packages. What it stores and sends is
 * recorded too: `tests/integration/takeover_test.ts` needs nothing.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { shellLine } from "../../lib/core/shell_words.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { runInstalled } from "../support/installed_command.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const sources = process.env["MENDER_PYTHON_CLIENT"] ?? "";
const python = process.env["MENDER_PYTHON"] ?? "python3";
const skip = sources !== "" && existsSync(join(sources, "mender/mender.py"))
  ? process.getuid?.() === 0 ? undefined : "only root can show it files at its fixed paths"
  : "MENDER_PYTHON_CLIENT does not name the sources of mender-python-client";

/** It reads fixed paths, which are shown to it in a namespace of its own. */
const ENTER = `set -e
for part in identity inventory; do mount --bind "$1/$part" "/usr/share/mender/$part"; done
mount --bind "$1/etc" /etc/mender
cd "$2"
shift 2
exec "$@"`;

/** The same, with all files of a device; what it starts outlives it. */
const ENTER_DEVICE = `set -e
mount --bind "$1/usr/share/mender" /usr/share/mender
mount --bind "$1/etc/mender" /etc/mender
cd "$2"
shift 2
exec "$@"`;

const IDENTITY = "#!/bin/sh\necho mac=02:11:22:33:44:55\n";

test(
  "a device moves from mender-python-client: same key, same identity, no second device",
  () =>
    withServer({}, (server) =>
      inTemporaryDirectory(async (dir) => {
        const data = join(dir, "data");
        for (const part of ["identity", "inventory", "etc", "data"]) mkdirSync(join(dir, part));
        writeFileSync(join(dir, "identity/mender-device-identity"), IDENTITY, { mode: 0o755 });
        writeFileSync(join(dir, "etc/artifact_info"), "artifact_name=release-1\n");
        writeFileSync(join(data, "device_type"), "device_type=acme-box\n");
        writeFileSync(
          join(data, "mender.conf"),
          JSON.stringify({
            ServerURL: server.url,
            UpdatePollIntervalSeconds: 1,
            InventoryPollIntervalSeconds: 1,
            RetryPollIntervalSeconds: 1,
          }),
        );
        const client = spawn("unshare", [
          ...["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"],
          ...["sh", "-c", ENTER, "enter", dir, sources],
          ...[python, "-m", "mender.mender", "--data", data, "--no-syslog", "daemon"],
        ], { stdio: "ignore" });
        const closed = new Promise((resolve) => client.once("close", resolve));
        try {
          const { id } = await waitUntil("the old client", () => server.devices()[0], 60_000);
          server.acceptDevice(id);
          await waitUntil("its inventory", () => server.devices()[0]!.inventory.length > 0, 60_000);
        } finally {
          process.kill(client.pid!, "SIGKILL");
          await closed;
        }
        const [known] = server.devices();
        await withRig({ serverUrl: server.url }, async (rig) => {
          cpSync(data, rig.paths.dataDirectory, { recursive: true });
          rig.write(rig.paths.identityScript, IDENTITY, 0o755);
          const { code, stderr } = await rig.run("daemon", "--once");
          assert.equal(code, 0, stderr);
          const devices = server.devices();
          assert.deepEqual(devices.map((device) => device.id), [known!.id]);
          assert.equal(devices[0]!.authSets.length, 1);
        });
      })),
  { skip },
);

test(
  "a device is updated by mender-python-client, then by us, and by mender-python-client again",
  () =>
    withServer(
      { autoAccept: true },
      (server) =>
        withRig({ serverUrl: server.url, identity: "echo mac=02:11:22:33:44:55" }, async (rig) => {
          const { root, paths } = rig;
          mkdirSync(paths.inventoryDirectory, { recursive: true });
          const old = [python, "-m", "mender.mender", "--data", paths.dataDirectory, "--no-syslog"];
          rig.script(
            paths.installScript,
            `name=$(tar -xOf "$1" header.tar.gz | tar -xzOf - header-info |
  sed -n 's/.*"artifact_name":"\\([^"]*\\)".*/\\1/p')
echo "artifact_name=$name" >${paths.artifactInfo}
echo "$name" >>${root}/installed
. ${root}/reporter
report --success && rm -f ${paths.lock}`,
          );
          const startPython = () => {
            rig.write(
              `${root}/reporter`,
              `report() { (cd ${sources} && ${shellLine(old)} report "$@"); }\n`,
            );
            const client = spawn("unshare", [
              ...["--mount", "--propagation", "private", "sh", "-c", ENTER_DEVICE, "enter", root],
              ...[sources, ...old, "daemon"],
            ], { stdio: "ignore" });
            return { client, closed: new Promise((resolve) => client.once("close", resolve)) };
          };
          const updateTo = async (name: string): Promise<void> => {
            await server.uploadArtifact(rigArtifact(name));
            const id = server.createDeployment({ artifactName: name });
            const statusOf = () => server.deployment(id).devices[0]?.status;
            await waitUntil(`success of ${name}`, () => statusOf() === "success", 60_000)
              .catch((error) => assert.fail(`${error}: ${statusOf()}`));
            await waitUntil("the lock's end", () => !existsSync(paths.lock), 60_000);
          };
          const byPython = async (name: string): Promise<void> => {
            const { client, closed } = startPython();
            try {
              await waitUntil("its inventory", () => isKnownWith(server), 60_000);
              await updateTo(name);
              await closed; // it ends after the hand-off
            } finally {
              client.kill("SIGKILL");
              await closed;
            }
          };

          await byPython("release-2");
          const [known] = server.devices();
          const moved = await runInstalled(["setup", "--root", root, "--from", "python", "--fork"]);
          assert.equal(moved.code, 0, moved.stderr);
          assert.ok(existsSync(join(root, "usr/bin/mender-python-client")));
          rig.write(`${root}/reporter`, `report() { ${shellLine(rig.command("report"))} "$@"; }\n`);
          const daemon = rig.start("daemon");
          await updateTo("release-3");
          assert.equal((await daemon.ended).code, 0);
          await byPython("release-4");

          assert.deepEqual(rig.installed(), ["release-2", "release-3", "release-4"]);
          assert.deepEqual(server.devices().map(({ id, authSets }) => [id, authSets.length]), [
            [known!.id, 1],
          ]);
        }),
    ),
  { skip, limitMs: 240_000 },
);

function isKnownWith(server: MenderServer): boolean {
  return (server.devices()[0]?.inventory.length ?? 0) > 0;
}
