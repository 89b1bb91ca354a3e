import assert from "node:assert/strict";
import { existsSync, mkdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { serviceScript } from "../../lib/runtime/processes/service_script.ts";
import { type ClientRig, rigArtifact, type RigOptions, withRig } from "../support/client_rig.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test as registerTest } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

// The sub-updater is let go of on purpose, so that it outlives its client.
const test = (name: string, body: () => Promise<void>, skip?: string): void =>
  registerTest(name, body, { leaks: "the sub-updater outlives its client", skip });

interface Scene {
  readonly server: MenderServer;
  readonly rig: ClientRig;
  readonly id: string;
  /** Command lines that systemd-run was given. */
  asked(): string[];
}

/**
 * systemd-run, of which only the command line can be had where systemd does not run the machine: starts
 * the command in a session of its own, which is left by the time it ends.
 */
const RUNS = `while [ "$1" != -- ]; do shift; done
shift
away="\${0%/*}/away"
setsid sh -c 'touch "$0"; exec "$@"' "$away" "$@" >/dev/null 2>&1 </dev/null &
while [ ! -e "$away" ]; do sleep 0.01; done`;

/** A device on which these programs stand for systemd's. */
async function withSystemd(
  { run, state = () => "echo inactive", ...options }: Partial<RigOptions> & {
    run: string;
    state?: (root: string) => string;
  },
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  await inTemporaryDirectory(async (programs) => {
    await withServer({ autoAccept: true }, async (server) => {
      const env = { PATH: `${programs}:${process.env["PATH"]}` };
      await withRig({ serverUrl: server.url, env, ...options }, async (rig) => {
        mkdirSync(rig.paths.systemdRuntime, { recursive: true });
        const asked = join(programs, "asked");
        rig.script(join(programs, "systemd-run"), `echo "$*" >> ${asked}\n${run}`);
        rig.script(join(programs, "systemctl"), state(rig.root));
        await server.uploadArtifact(rigArtifact("release-2", 3000));
        assert.equal((await rig.run("daemon", "--once")).code, 0);
        const id = server.createDeployment({ artifactName: "release-2" });
        const lines = (): string[] => rig.read(asked).split("\n").filter((line) => line !== "");
        await body({ server, rig, id, asked: lines });
      });
    });
  });
}

test("where systemd runs the machine the sub-updater is started as a unit of its own", async () => {
  await withSystemd({ run: RUNS }, async ({ rig, id, asked }) => {
    const { code, stderr } = await rig.run("daemon");
    assert.equal(code, 0, stderr);
    await waitUntil("the sub-updater", () => rig.installed().length);
    const { dataDirectory, subUpdaterLog, installScript, artifactFile } = rig.paths;
    const unit = `mender-deno-install-${id}`;
    assert.deepEqual(asked(), [
      [
        `--quiet --no-block --collect --unit=${unit}`,
        "--description=Sub-updater of mender-deno --property=KillMode=process",
        `--setenv=PATH=${asked()[0]?.match(/PATH=(\S*)/)?.[1]}`,
        `-- ${serviceScript("handoff.sh")} ${join(dataDirectory, `sub-updater.${id}.started`)}`,
        `${subUpdaterLog} ${installScript} ${artifactFile}`,
      ].join(" "),
    ]);
    assert.equal(rig.record().handoff.unit, unit);
    assert.ok(rig.record().handoff.pid > 0);
  });
});

test("a sub-updater whose unit is alive is waited for, whatever its lock says", async () => {
  await withSystemd({
    run: RUNS,
    state: (root) => `[ -e ${root}/over ] && echo inactive || echo active`,
    install: "exit 0",
  }, async ({ server, rig, id }) => {
    assert.equal((await rig.run("daemon")).code, 0);
    assert.equal(rig.record().handoff.unit, `mender-deno-install-${id}`);
    unlinkSync(rig.paths.lock);
    const isOver = join(rig.root, "over");
    const status = (): string => server.deployment(id).devices[0]!.status;
    assert.equal((await rig.run("daemon", "--once")).code, 0);
    assert.equal(status(), "installing");
    rig.write(isOver, "");
    assert.equal((await rig.run("daemon", "--once")).code, 0);
    assert.equal(status(), "failure");
  });
});

test("HandoffRunner auto forks the sub-updater when systemd does not take it", async () => {
  await withSystemd({ run: "echo no bus to be had >&2; exit 1" }, async ({ rig, asked }) => {
    const { code, stderr } = await rig.run("daemon");
    assert.equal(code, 0, stderr);
    await waitUntil("the sub-updater", () => rig.installed().length);
    assert.equal(asked().length, 1);
    assert.match(stderr, /systemd does not start the sub-updater; forking it.*no bus to be had/);
    assert.equal(rig.record().handoff.unit, undefined);
  });
});

test("HandoffRunner systemd fails the deployment when systemd does not take it", async () => {
  const config = { HandoffRunner: "systemd" };
  await withSystemd({ run: "exit 1", config }, async ({ server, rig, id }) => {
    const { code } = await rig.run("daemon", "--once");
    assert.equal(code, 1);
    assert.equal(server.deployment(id).devices[0]!.status, "failure");
    assert.deepEqual(rig.installed(), []);
    assert.ok(!existsSync(rig.paths.lock));
  });
});

test("HandoffRunner fork does not ask systemd", async () => {
  await withSystemd({ run: RUNS, config: { HandoffRunner: "fork" } }, async ({ rig, asked }) => {
    assert.equal((await rig.run("daemon")).code, 0);
    await waitUntil("the sub-updater", () => rig.installed().length);
    assert.deepEqual(asked(), []);
  });
});

test("a unit that an earlier daemon asked for is waited for, not started twice", async () => {
  // systemd refuses the name; the unit is alive, and leaves its marker in its own time.
  const run = `${RUNS.replace('touch "$0";', 'touch "$0"; sleep 1;')}
echo "Unit was already loaded" >&2; exit 1`;
  const config = { HandoffRunner: "systemd" };
  await withSystemd({ run, state: () => "echo active", config }, async ({ rig }) => {
    const { code, stderr } = await rig.run("daemon");
    assert.equal(code, 0, stderr);
    await waitUntil("the sub-updater", () => rig.installed().length);
    assert.equal(rig.installed().length, 1);
  });
});

test(
  "the real systemd starts the sub-updater outside the daemon's unit",
  async () => {
    await withServer({ autoAccept: true }, async (server) => {
      const config = { HandoffRunner: "systemd" };
      await withRig({ serverUrl: server.url, config }, async (rig) => {
        rig.script(rig.paths.installScript, `cat /proc/self/cgroup > ${rig.root}/cgroup`);
        await server.uploadArtifact(rigArtifact("release-2", 3000));
        assert.equal((await rig.run("daemon", "--once")).code, 0);
        const id = server.createDeployment({ artifactName: "release-2" });
        assert.equal((await rig.run("daemon")).code, 0);
        const cgroup = await waitUntil("the sub-updater", () => rig.read(`${rig.root}/cgroup`));
        assert.match(cgroup, new RegExp(`mender-deno-install-${id}\\.service`));
      });
    });
  },
  existsSync("/run/systemd/system") ? undefined : "systemd does not run this machine",
);
