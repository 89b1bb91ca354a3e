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
import { withRig } from "../support/client_rig.ts";
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
