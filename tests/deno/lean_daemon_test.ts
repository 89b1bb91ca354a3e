/** What a daemon is started with, and does, so that waiting costs a device little. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { runtimeFlags } from "../../cli/permissions/runtime_flags.ts";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { REPOSITORY } from "../support/repository_text.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const WRAPPER = join(REPOSITORY, "scripts/mender-deno");

test("scripts/mender-deno starts the daemon, and nothing else, with the flags for a long wait", () =>
  withServer({ autoAccept: true }, (server) =>
    withRig({ serverUrl: server.url }, async (rig) => {
      const engineOf = async (command: string): Promise<string | undefined> => {
        const child = spawn(WRAPPER, ["--root", rig.root, command], {
          stdio: "ignore",
          env: { ...process.env, MENDER_DENO_RUNTIME: process.execPath },
        });
        const ended = new Promise((resolve) => child.once("close", resolve));
        try {
          const line = await waitUntil("the command", () => {
            const words = readFileSync(`/proc/${child.pid}/cmdline`, "utf8").split("\0");
            return words.includes(command) && words.includes("--no-prompt") ? words : undefined;
          }, 30_000);
          return line.find((word) => word.startsWith("--v8-flags="));
        } finally {
          child.kill("SIGTERM");
          await ended;
        }
      };
      assert.match(await engineOf("daemon") ?? "", /--expose-gc/);
      assert.equal(await engineOf("terminal"), undefined);
    })));

test("the flags of the daemon leave it WebAssembly, by which xz is read and undici speaks HTTP", () => {
  const flags = runtimeFlags("daemon").filter((flag) => flag.startsWith("--v8-flags="));
  assert.equal(flags.length, 1);
  const script = "console.log(new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)))";
  const { stdout, stderr } = spawnSync(process.execPath, ["eval", ...flags, script], {
    encoding: "utf8",
  });
  assert.match(stdout, /Module/, stderr);
});

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
