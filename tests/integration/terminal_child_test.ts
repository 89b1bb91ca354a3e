import { strict as assert } from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { type ClientRig, type RigOptions, type Running, withRig } from "../support/client_rig.ts";
import { isAlive, membersOf } from "../support/processes.ts";
import { EVERYTHING, TestTerminal } from "../support/remote_access_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const isDeno = "Deno" in globalThis;

interface Parts {
  readonly server: MenderServer;
  readonly rig: ClientRig;
}

/** A device that may start what it likes, and that no unit of this machine is mistaken for. */
function withDevice(
  options: Partial<RigOptions> & { connect?: unknown },
  body: (parts: Parts) => Promise<void>,
): Promise<void> {
  return withServer({ autoAccept: true }, (server) =>
    withRig({
      serverUrl: server.url,
      hasAllRights: true,
      env: { INVOCATION_ID: "" },
      config: { UpdatePollIntervalSeconds: 3600 },
      ...options,
    }, async (rig) => {
      rig.write(rig.paths.connectConfig, JSON.stringify(options.connect ?? EVERYTHING));
      await body({ server, rig });
    }));
}

async function connected({ server }: Parts, daemon: Running): Promise<string> {
  try {
    return await waitUntil(
      "the connection",
      () => server.devices().map(({ id }) => id).find((id) => server.isConnected(id)),
      40_000,
    );
  } catch (error) {
    throw new Error(`${error}\n${daemon.output()}`);
  }
}

const pidIn = (daemon: Running): number =>
  Number([...daemon.output().matchAll(/The terminal has been started.*?pid=(\d+)/g)].at(-1)?.[1]);

const shellOf = async ({ server }: Parts, deviceId: string) => {
  const shell = new TestTerminal(server.openSession(deviceId));
  shell.type("echo pid=$$.\n");
  return { shell, pid: Number((await shell.seen(/pid=(\d+)\./))[1]) };
};

test("daemon starts a terminal of its own where mender-connect.conf asks for one, and ends it with itself", () =>
  withDevice({}, async (parts) => {
    const daemon = parts.rig.start("daemon");
    const id = await connected(parts, daemon);
    const { shell, pid } = await shellOf(parts, id);
    const child = pidIn(daemon);
    if (isDeno) assert.match(commandOf(child), /--allow-ffi.*terminal\0--attached/s);
    if (isDeno) assert.doesNotMatch(commandOf(child), /allow-all/);
    daemon.kill("SIGTERM");
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Remote access offers terminal/, "the log of the child is ours");
    assert.equal(isAlive(child), false);
    assert.deepEqual(membersOf(pid), []);
    await shell.close();
  }));

test("daemon's terminal ends, with its shells, when the daemon is killed", () =>
  withDevice({}, async (parts) => {
    const daemon = parts.rig.start("daemon");
    const id = await connected(parts, daemon);
    const { shell, pid } = await shellOf(parts, id);
    const child = pidIn(daemon);
    daemon.kill("SIGKILL");
    await daemon.ended;
    await waitUntil("the end of the terminal", () => !isAlive(child), 20_000);
    await waitUntil("the end of the shell", () => membersOf(pid).length === 0, 20_000);
    await shell.close();
    assert.ok(!readdirSync(parts.rig.paths.dataDirectory).includes("terminal.sock"));
  }));

test("daemon starts its terminal again when that has died, and polls on meanwhile", () =>
  withDevice({}, async (parts) => {
    const daemon = parts.rig.start("daemon");
    const id = await connected(parts, daemon);
    const first = pidIn(daemon);
    process.kill(first, "SIGKILL");
    await waitUntil("another one", () => pidIn(daemon) !== first, 30_000);
    await waitUntil("the end", () => !isAlive(first));
    await waitUntil("the connection", () => parts.server.isConnected(id), 40_000);
    const { shell } = await shellOf(parts, id);
    await shell.close();
    assert.match(daemon.output(), /The terminal has ended; it is started again.*SIGKILL/);
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
  }));

test("daemon leaves remote access to a terminal that runs already, and takes over when it has ended", () =>
  withDevice({}, async (parts) => {
    const terminal = parts.rig.start("terminal");
    await connected(parts, terminal);
    const second = await parts.rig.run("terminal");
    assert.equal(second.code, 1);
    assert.match(second.stderr, /another terminal holds .*terminal\.sock/);
    const daemon = parts.rig.start("daemon");
    await waitUntil(
      "the rival",
      () => /Remote access is left to the terminal/.test(daemon.output()),
      20_000,
    );
    terminal.kill("SIGTERM");
    await terminal.ended;
    await waitUntil("a terminal", () => pidIn(daemon) > 0, 60_000);
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
  }));

test("daemon leaves remote access to mender-connect while that runs", () =>
  withDevice({}, async ({ rig }) => {
    rig.write(join(rig.root, "proc/123/comm"), "mender-connect\n");
    const daemon = rig.start("daemon");
    await waitUntil(
      "the rival",
      () => /Remote access is left to mender-connect/.test(daemon.output()),
      20_000,
    );
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    assert.doesNotMatch(daemon.output(), /The terminal has been started/);
  }));

for (
  const [why, options, args] of [
    ["a unit of systemd has its terminal as a unit", { env: { INVOCATION_ID: "abc" } }, ["daemon"]],
    ...isDeno
      ? [["its permission set forbids it", { hasAllRights: false }, ["daemon"]] as const]
      : [],
  ] as const
) {
  test(`daemon names the unit of remote access, once, where ${why}`, () =>
    withDevice(options, async ({ rig, server }) => {
      const daemon = rig.start(...args);
      await waitUntil(
        "a round",
        () => server.journal.entries.some(({ path }) => path.endsWith("/next")),
        30_000,
      );
      await waitUntil("the remark", () => /mender-deno-terminal\.service/.test(daemon.output()));
      daemon.kill("SIGTERM");
      const { code, stderr } = await daemon.ended;
      assert.equal(code, 0, stderr);
      assert.equal(stderr.match(/has a unit of its own/g)?.length, 1, stderr);
      assert.doesNotMatch(stderr, /The terminal has been started/);
    }));
}

test("daemon starts no terminal with --once, nor where no file asks for one", () =>
  withDevice({}, async ({ rig, server }) => {
    const once = await rig.run("daemon", "--once");
    assert.equal(once.code, 0, once.stderr);
    rig.write(rig.paths.connectConfig, JSON.stringify({ RemoteTerminal: false }));
    const daemon = rig.start("daemon");
    await waitUntil(
      "a round",
      () => server.journal.entries.filter(({ path }) => path.endsWith("/next")).length === 2,
      30_000,
    );
    daemon.kill("SIGTERM");
    const { stderr } = await daemon.ended;
    assert.doesNotMatch(once.stderr + stderr, /terminal/i);
  }));

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8");
}
