/** What a daemon does when its data directory is of no use at the start. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import process from "node:process";
import { withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const UNSHARE = ["unshare", "--mount", "--propagation", "private"];
const options = {
  skip: spawnSync(UNSHARE[0]!, [...UNSHARE.slice(1), "true"]).status === 0
    ? undefined
    : "no mount namespace to be had",
};

/** Runs a daemon that sees mounts of its own; gives what it says so far, and how it ends. */
async function withMounts(
  mounts: string,
  body: (
    daemon: { output(): string; ended: Promise<number | null>; kill(): void },
  ) => Promise<void>,
  isMissing = false,
): Promise<void> {
  await withRig({ serverUrl: "http://127.0.0.1:9" }, async (rig) => {
    const { dataDirectory } = rig.paths;
    if (isMissing) rmSync(dataDirectory, { recursive: true });
    const script = `set -e; data=${dataDirectory}; ${mounts}; exec "$@"`;
    const [program = "", ...args] = [...UNSHARE, "sh", "-c", script, "-", ...rig.command("daemon")];
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    let output = "";
    child.stderr.on("data", (chunk) => output += String(chunk));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    try {
      await body({
        output: () => output,
        ended,
        kill: () => void process.kill(child.pid!, "SIGTERM"),
      });
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
  });
}

const fatal: [name: string, mounts: string, isMissing: boolean, line: RegExp][] = [
  [
    "is read-only",
    "mount -t tmpfs none $data; mount -o remount,ro $data",
    false,
    /^Error: Cannot bind the control socket \(\S+\): the file system is read-only$/m,
  ],
  [
    "has no room for a file",
    "mount -t tmpfs -o size=64k,nr_inodes=1 none $data",
    false,
    /^Error: Cannot bind the control socket \(\S+\): no space left on the device$/m,
  ],
  [
    "is missing and cannot be made",
    "up=$(dirname $data); mount -t tmpfs none $up; mount -o remount,ro $up",
    true,
    /^Error: Cannot make the data directory \(\S+\): the file system is read-only$/m,
  ],
];
for (const [name, mounts, isMissing, line] of fatal) {
  test(
    `daemon whose data directory ${name} says so in one line and ends with 1, to be started again`,
    () =>
      withMounts(
        mounts,
        async ({ output, ended }) => {
          assert.equal(await ended, 1, output());
          assert.match(output(), line);
          assert.equal(output().trim().split("\n").length, 2, "one line, and what to do about it");
        },
        isMissing,
      ),
    options,
  );
}

test(
  "daemon whose disk is full goes on, and says what it cannot store",
  () =>
    withMounts(
      "mount -t tmpfs -o size=64k none $data; " +
        "dd if=/dev/zero of=$data/fill bs=4k 2>/dev/null || true",
      async ({ output, ended, kill }) => {
        // Each attempt makes an RSA key, which takes its time.
        await waitUntil("two attempts", () =>
          output().split("Failed to authenticate: Cannot write the key").length > 2, 60_000);
        kill();
        assert.equal(await ended, 0, output());
      },
    ),
  options,
);

test(
  "daemon makes a data directory that is missing",
  () =>
    withMounts(":", async ({ output, ended, kill }) => {
      await waitUntil("the key", () => output().includes("A new device key was made"), 60_000);
      kill();
      assert.equal(await ended, 0, output());
    }, true),
  options,
);
