import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { RIG_DEVICE_TYPE } from "../../tests/support/client_rig.ts";
import type { Peer } from "../../tests/support/peers.ts";
import { inTemporaryDirectory } from "../../tests/support/temporary.ts";

const sources = process.env["MENDER_PYTHON_CLIENT"] ?? "";
const python = process.env["MENDER_PYTHON"] ?? "python3";

/** Its paths are fixed; ours are shown to it there, in a namespace of its own. */
const ENTER = `set -e
mount --bind "$1/share" /usr/share/mender
mount --bind "$1/etc" /etc/mender
cd "$2"
shift 2
exec "$@"`;

/** Whether mender-python-client can be run. */
export function pythonClientPeer(): Peer {
  if (!existsSync(join(sources, "mender/mender.py"))) {
    return { skip: "MENDER_PYTHON_CLIENT does not name the sources of mender-python-client" };
  }
  return process.getuid?.() === 0 ? {} : { skip: "only root can show it files at its fixed paths" };
}

/** Program, arguments and directory of a command line that keeps its state in `data`. */
export function pythonClient(
  data: string,
  ...args: readonly string[]
): { command: [string, ...string[]]; cwd: string } {
  return {
    command: [python, "-m", "mender.mender", "--data", data, "--no-syslog", ...args],
    cwd: sources,
  };
}

/**
 * Runs its daemon, which polls once a second, while `body` runs.
 *
 * @param install Script without its first line; `$1` is the Artifact.
 */
export function withPythonClient<T>(
  serverUrl: string,
  install: string,
  body: (pid: number) => Promise<T>,
): Promise<T> {
  return inTemporaryDirectory(async (dir) => {
    const script = (path: string, lines: string): void =>
      writeFileSync(join(dir, path), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
    for (const path of ["share/identity", "share/inventory", "etc", "data"]) {
      mkdirSync(join(dir, path), { recursive: true });
    }
    script("share/identity/mender-device-identity", `echo mac=${randomUUID()}`);
    script("share/install", install);
    writeFileSync(join(dir, "etc/artifact_info"), "artifact_name=release-1\n");
    writeFileSync(join(dir, "data/device_type"), `device_type=${RIG_DEVICE_TYPE}\n`);
    writeFileSync(
      join(dir, "data/mender.conf"),
      JSON.stringify({
        ServerURL: serverUrl,
        UpdatePollIntervalSeconds: 1,
        InventoryPollIntervalSeconds: 3600,
        RetryPollIntervalSeconds: 1,
      }),
    );
    const { command, cwd } = pythonClient(join(dir, "data"), "daemon");
    const child = spawn("unshare", [
      ...["--mount", "--propagation", "private"],
      ...["sh", "-c", ENTER, "enter", dir, cwd, ...command],
    ], { stdio: "ignore" });
    const closed = new Promise((resolve) => child.once("close", resolve));
    try {
      return await body(child.pid!); // each program on the way puts the next one in its own place
    } finally {
      child.kill("SIGKILL");
      await closed;
    }
  });
}
