import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { programModules } from "../../lib/runtime/project_directory.ts";
import type { ClientRig } from "../support/client_rig.ts";
import { publish, withLibraryDevice } from "../support/library_client.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const { self } = await hostDrivers();

/** Starts an application on a device; see `tests/support/application.ts`. */
function start(rig: ClientRig, what: string, permissions: readonly string[] = ["-A"]): {
  child: ChildProcess;
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
} {
  const [program = "", ...args] = self.selfCommand(
    new URL("../support/application.ts", import.meta.url),
    [...permissions, "--no-check"],
  );
  const child = spawn(program, [...args, rig.root, what], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => stdout += String(chunk));
  child.stderr.on("data", (chunk) => stderr += String(chunk));
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, stdout, stderr }))
  );
  return { child, ended };
}

const calls = (rig: ClientRig): string[] =>
  rig.read(join(rig.root, "calls")).split("\n").filter((line) => line !== "");

const rows: [what: string, calls: string[], status: string][] = [
  ["hang", ["install"], "failure"],
  ["resume", ["install", "resume"], "success"],
];
for (const [what, expected, status] of rows) {
  test(`an application that is killed while it installs, then started with "${what}": ${status}`, () =>
    withLibraryDevice(async ({ server, rig }) => {
      const publishing = publish(server);
      const first = start(rig, "hang");
      const id = await publishing;
      await waitUntil("the installation", () => calls(rig).length > 0, 60_000);
      first.child.kill("SIGKILL");
      await first.ended;
      const { code, stderr } = await start(rig, what).ended;
      assert.equal(code, 0, stderr);
      assert.deepEqual(calls(rig), expected);
      assert.equal(server.deployment(id).devices[0]?.status, status);
      assert.equal(existsSync(rig.paths.controlSocket), false);
      assert.deepEqual(server.violations(), []);
    }));
}

test("an application that is killed while it downloads installs once it has the rest", () =>
  withLibraryDevice(async ({ server, rig }) => {
    let isHeld = true;
    server.setInterceptor(async (exchange) => {
      while (isHeld && exchange.target.startsWith("/storage/")) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return false;
    });
    const publishing = publish(server);
    const first = start(rig, "hang");
    await publishing;
    await waitUntil("the download", () => rig.record()?.phase === "downloading", 60_000);
    first.child.kill("SIGKILL");
    await first.ended;
    isHeld = false;
    const second = start(rig, "hang");
    await waitUntil("the installation", () => calls(rig).length > 0, 60_000);
    second.child.kill("SIGKILL");
    await second.ended;
    assert.deepEqual(calls(rig), ["install"]);
  }));

test("the library writes nothing, touches nothing of its process, and needs the daemon's rights alone", () =>
  withLibraryDevice(async ({ server, rig }) => {
    const { code, stdout, stderr } = await start(rig, "quiet", [
      "--permission-set=daemon",
      "--no-prompt",
      `--allow-read=${[rig.root, ...programModules()].join(",")}`,
      `--allow-write=${rig.root}`,
      `--allow-net=${new URL(server.url).host},unix:${rig.paths.controlSocket}`,
    ]).ended;
    assert.deepEqual([code, stdout, stderr], [0, "untouched\n", ""]);
  }));
