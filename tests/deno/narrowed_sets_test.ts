/** Commands under the permissions that `permissions` prints, as `scripts/mender-deno` runs them. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { PROGRAM_MODULES } from "../../lib/runtime/project_directory.ts";
import { RIG_DEVICE_TYPE, rigArtifact, withRig } from "../support/client_rig.ts";
import { REPOSITORY, repositoryText } from "../support/repository_text.ts";
import { busPeer, withSystemBus } from "../support/system_bus.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const wrapper = join(REPOSITORY, "scripts/mender-deno");

/** Runs a command line by the wrapper, to its end. */
function run(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(wrapper, args, {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { code: status, stdout, stderr };
}

test("scripts/mender-deno takes an update from the server to the report, with narrowed rights", () =>
  withServer({ autoAccept: true }, (server) =>
    withRig({
      serverUrl: server.url,
      install: `"${wrapper}" --root "$root" report --success && rm -f "$lock"`,
    }, async (rig) => {
      const settings = `root='${rig.root}'\nlock='${rig.paths.lock}'\n`;
      rig.script(
        rig.paths.installScript,
        rig.read(rig.paths.installScript).replace("#!/bin/sh\n", settings),
      );
      await server.uploadArtifact(rigArtifact("release-2"));
      const child = spawn(wrapper, ["--root", rig.root, "daemon"], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      const log = collected(child);
      await waitUntil("a device", () => server.devices()[0]?.inventory.length, 30_000);
      const id = server.createDeployment({ artifactName: "release-2" });
      await waitUntil(
        "success",
        () => server.deployment(id).devices[0]?.status === "success",
        60_000,
      ).catch((error) => assert.fail(`${error}\n${log()}\n${rig.read(rig.paths.subUpdaterLog)}`));
      assert.deepEqual(server.violations(), []);
      await ended(child);
    })));

test("a narrowed set reaches the configured server and no other", () =>
  withRig({ serverUrl: "http://127.0.0.1:1" }, (rig) => {
    const flags = run("permissions", "daemon", "--root", rig.root).stdout.trim();
    const net = /--allow-net=(\S+)/.exec(flags)?.[1];
    assert.equal(net, `127.0.0.1:1,unix:${rig.paths.controlSocket}`);
    assert.ok(!/--allow-all|-A|--allow-\w+( |$)/.test(flags), flags);
    return Promise.resolve();
  }));

test(
  "scripts/mender-deno gives the daemon the bus that the environment names",
  () =>
    withServer(
      { autoAccept: true },
      (server) =>
        inTemporaryDirectory((dir) =>
          withSystemBus(dir, {}, (bus) =>
            withRig({ serverUrl: server.url, busSocket: bus.socket }, async (rig) => {
              const child = spawn(wrapper, ["--root", rig.root, "daemon"], {
                stdio: ["ignore", "pipe", "pipe"],
                env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: bus.address },
              });
              const log = collected(child);
              await waitUntil("the service", () =>
                /Serving io\.mender\.Auth/.test(log()), 30_000)
                .catch((error) =>
                  assert.fail(`${error}\n${log()}`)
                );
              child.kill("SIGTERM");
              await ended(child);
            }))
        ),
    ),
  busPeer,
);

test("a daemon that may not use the bus says so once, and does its work", () =>
  withServer(
    { autoAccept: true },
    (server) =>
      withRig({ serverUrl: server.url, config: { DBus: { Enabled: true } } }, async (rig) => {
        const daemon = rig.start("daemon");
        const polls = (): number =>
          server.journal.entries.filter(({ path }) => path.endsWith("/next")).length;
        await waitUntil("polls", () => polls() >= 3, 30_000);
        const told = daemon.output().match(/Nothing is offered on the D-Bus now: .*/g) ?? [];
        assert.equal(told.length, 1, daemon.output());
      }),
  ));

test("a server that the set does not name is refused by the name of the missing right", () =>
  withServer({}, (server) =>
    withRig({ serverUrl: server.url }, (rig) => {
      const flags = run("permissions", "daemon", "--root", rig.root).stdout.trim().split(" ");
      rig.write(rig.paths.mainConfig, '{"ServerURL": "https://elsewhere.example.com"}');
      const { stderr } = spawnSync(
        process.execPath,
        [
          "run",
          "-q",
          "--no-prompt",
          ...flags,
          "cli/main.ts",
          "daemon",
          "--once",
          "--root",
          rig.root,
        ],
        { cwd: REPOSITORY, encoding: "utf8", timeout: 60_000 },
      );
      assert.match(stderr, /Requires net access to "elsewhere\.example\.com:443"/);
      return Promise.resolve();
    })));

test("permissions adds files that the configuration names, and addresses that are asked for", () =>
  withRig({
    serverUrl: "https://mender.example.com",
    config: { ArtifactVerifyKey: "/opt/keys/verify.pem", UpdateLogPath: "/data/logs" },
  }, (rig) => {
    const { stdout } = run(
      ...["permissions", "--json", "--root", rig.root, "--net", "storage.example.com:443"],
    );
    const { daemon, report, serve } = JSON.parse(stdout);
    for (const set of [daemon, report]) {
      assert.ok(set.read.includes("/opt/keys/verify.pem"));
      assert.ok(set.write.includes("/data/logs"));
      assert.deepEqual(set.net.slice(0, 2), ["mender.example.com:443", "storage.example.com:443"]);
    }
    assert.deepEqual(serve.net, ["127.0.0.1:8181"]);
    return Promise.resolve();
  }));

test("permissions tells which sets there are, and that a server is missing", () =>
  inTemporaryDirectory((root) => {
    const unknown = run("permissions", "daemn", "--root", root);
    assert.deepEqual([unknown.code, unknown.stdout], [2, ""]);
    assert.match(unknown.stderr, /no permission set "daemn"\n {2}Did you mean daemon\?/);
    const without = run("permissions", "daemon", "--root", root);
    assert.equal(without.code, 1, without.stderr);
    assert.match(without.stderr, /none is configured/);
  }));

test("scripts/mender-deno permits the files that a line names", () =>
  withRig({ serverUrl: "http://127.0.0.1:1" }, (rig) => {
    const file = join(rig.root, "with a blank.mender");
    rig.write(file, rigArtifact("release-2"));
    const verified = run("verify", file, "--root", rig.root);
    assert.equal(verified.code, 0, verified.stderr);
    assert.match(verified.stdout, new RegExp(RIG_DEVICE_TYPE));
    const log = join(rig.root, "log");
    assert.equal(run("show-artifact", "--root", rig.root, "-L", log).code, 0);
    assert.equal(run("demon").code, 2);
    return Promise.resolve();
  }));

test("serve does its whole job under its set, with the directory and address of its line", () =>
  inTemporaryDirectory(async (directory) => {
    const state = join(directory, "state");
    const port = await freePort();
    const child = spawn(
      wrapper,
      ["serve", "--auto-accept", "--listen", `${port}`, "--dir", state],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const log = collected(child);
    try {
      await waitUntil("the server", () => log().includes("Serving on"), 30_000);
      await withRig({ serverUrl: `http://127.0.0.1:${port}` }, async (rig) => {
        const { code, stderr } = await rig.run("daemon", "--once");
        assert.equal(code, 0, stderr + log());
        assert.match(rig.read(join(state, "state.json")), /02:11:22:33:44:55/);
      });
    } finally {
      child.kill("SIGTERM");
      await ended(child);
    }
  }));

test("serve under the set of deno.json serves its own address and directory alone", () => {
  const { serve } = JSON.parse(repositoryText("deno.json")).permissions;
  assert.deepEqual([serve.net, serve.read, serve.write], [
    ["127.0.0.1:8181"],
    [...PROGRAM_MODULES, "./trial"],
    ["./trial"],
  ]);
  const { status, stderr } = spawnSync(
    process.execPath,
    ["run", "-q", "--no-prompt", "-P=serve", "cli/main.ts", "serve", "--listen", "127.0.0.1:8182"],
    { cwd: REPOSITORY, encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(status, 1);
  assert.match(stderr, /Requires net access to "127\.0\.0\.1:8182"/);
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) await new Promise((resolve) => child.once("close", resolve));
}

function collected(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk) => text += String(chunk));
  }
  return () => text;
}

async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  return await new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port ?? 0 : 0));
    });
  });
}
