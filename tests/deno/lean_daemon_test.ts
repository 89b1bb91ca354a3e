/** What a daemon is started with, and does, so that waiting costs a device little. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { REPOSITORY } from "../support/repository_text.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const WRAPPER = join(REPOSITORY, "scripts/mender-deno");

function threadsOf(pid: number): string[] {
  const directory = `/proc/${pid}/task`;
  return readdirSync(directory).map((id) => readFileSync(`${directory}/${id}/comm`, "utf8").trim());
}

test("the engine of a daemon that scripts/mender-deno starts has no threads of its own", () =>
  withServer({ autoAccept: true }, (server) =>
    withRig({ serverUrl: server.url }, async (rig) => {
      const child = spawn(WRAPPER, ["--root", rig.root, "daemon"], {
        stdio: "ignore",
        env: { ...process.env, MENDER_DENO_RUNTIME: process.execPath },
      });
      const ended = new Promise((resolve) => child.once("close", resolve));
      try {
        await waitUntil("an inventory", () => server.devices()[0]?.inventory.length, 30_000);
        const threads = threadsOf(child.pid!);
        assert.ok(threads.includes("deno"), threads.join());
        assert.deepEqual(threads.filter((name) => name.startsWith("V8")), []);
      } finally {
        child.kill("SIGTERM");
        await ended;
      }
    })));

test("a daemon gives memory back before it rests, after its start and after a deployment", () =>
  withServer({ autoAccept: true }, (server) =>
    withRig({
      serverUrl: server.url,
      flags: ["--v8-flags=--expose-gc,--trace-gc"],
    }, async (rig) => {
      const polls = (): number =>
        server.journal.entries.filter(({ path }) => path.endsWith("/next")).length;
      const poll = async (count: number): Promise<void> => {
        const before = polls();
        await waitUntil("polls", () => polls() >= before + count, 30_000);
      };
      /** How often the collector is called; the engine keeps what it says until the end. */
      const collections = async (work: () => Promise<void>): Promise<number> => {
        const daemon = rig.start("daemon", "--stay");
        await work();
        daemon.kill("SIGTERM");
        const { code, stdout } = await daemon.ended;
        assert.equal(code, 0);
        return stdout.match(/testing; GC/g)?.length ?? 0;
      };
      const once = await collections(() => poll(2));
      assert.ok(once > 0);
      assert.equal(await collections(() => poll(4)), once, "polls alone leave nothing behind");
      await server.uploadArtifact(rigArtifact("release-2"));
      const withDeployment = await collections(async () => {
        await poll(2);
        const id = server.createDeployment({ artifactName: "release-2" });
        await waitUntil("the hand-over", () => rig.installed().length > 0, 30_000);
        const report = await rig.run("report", "--success");
        assert.equal(report.code, 0, report.stderr);
        assert.equal(server.deployment(id).devices[0]?.status, "success");
        rig.remove(rig.paths.lock);
        await poll(2);
      });
      assert.equal(withDeployment, 2 * once);
    })));
