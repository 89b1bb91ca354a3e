import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { installedCommand, runInstalled } from "../support/installed_command.ts";
import { PseudoTerminal, terminalPeer } from "../support/pseudo_terminal.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const KNOWN = ["--server-url", "https://mender.example.com", "--device-type", "acme-box"];
const CONFIG = "etc/mender/mender.conf";
const UNIT = "etc/systemd/system/mender-deno.service";

/** Paths of all files below a directory, sorted. */
function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(root, name)).isFile())
    .sort();
}

function put(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const text = (root: string, path: string): string => readFileSync(join(root, path), "utf8");

test("setup installs a unit, policies, the command and a configuration, and enables nothing", () =>
  inTemporaryDirectory(async (root) => {
    const { code, stdout, stderr } = await runInstalled(["setup", "--root", root, ...KNOWN]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(filesBelow(root), [
      "etc/dbus-1/system.d/io.mender.mender-deno.conf",
      "etc/logrotate.d/mender-deno",
      CONFIG,
      UNIT,
      "etc/tmpfiles.d/mender-deno.conf",
      "usr/bin/mender-deno",
      "var/lib/mender/device_type",
    ]);
    assert.deepEqual(JSON.parse(text(root, CONFIG)), {
      ServerURL: "https://mender.example.com",
      HandoffRunner: "systemd",
    });
    assert.equal(statSync(join(root, CONFIG)).mode & 0o777, 0o600);
    assert.equal(statSync(join(root, "usr/bin/mender-deno")).mode & 0o777, 0o755);
    assert.equal(statSync(join(root, "var/lib/mender")).mode & 0o777, 0o700);
    assert.equal(text(root, "var/lib/mender/device_type"), "device_type=acme-box\n");
    assert.match(
      stdout,
      /Nothing is started yet: systemctl --root=\S+ enable mender-deno\.service\n/,
    );
    for (const path of filesBelow(root)) {
      assert.doesNotMatch(text(root, path), /(^|\s)(-A|--allow-all|--allow-\w+)(\s|$)/, path);
      assert.ok(!text(root, path).includes(root), path);
    }
  }));

test("setup permits the daemon's unit the configured server and what --net names", () =>
  inTemporaryDirectory(async (root) => {
    const more = ["--net", "storage.example.com:443"];
    await runInstalled(["setup", "--root", root, ...KNOWN, ...more]);
    const line = /^ExecStart=(.*)$/m.exec(text(root, UNIT))?.[1] ?? "";
    assert.match(line, /^\/usr\/bin\/env --block-signal=USR1 \//);
    assert.match(line, / daemon$/);
    assert.equal(
      /--allow-net=(\S+)/.exec(line)?.[1],
      "Deno" in globalThis
        ? "mender.example.com:443,storage.example.com:443,unix:/run/dbus/system_bus_socket,unix:/var/lib/mender/daemon.sock"
        : undefined,
    );
  }));

test("setup has the daemon run lean, and remote access, which has bytes to move, fast", () =>
  inTemporaryDirectory(async (root) => {
    await runInstalled(["setup", "--root", root, ...KNOWN, "--terminal"]);
    const engine = (unit: string): string | undefined =>
      / --v8-flags=(\S+) /.exec(text(root, `etc/systemd/system/${unit}.service`))?.[1];
    assert.equal(
      engine("mender-deno"),
      "Deno" in globalThis
        ? "--no-opt,--no-maglev,--optimize-for-size,--no-memory-reducer,--expose-gc"
        : undefined,
    );
    assert.equal(engine("mender-deno-terminal"), undefined);
  }));

test("setup keeps the keys of a configuration, and takes the token from a file or standard input", () =>
  inTemporaryDirectory(async (root) => {
    put(
      root,
      CONFIG,
      '{ "Servers": [{ "ServerURL": "https://old" }], "UpdatePollIntervalSeconds": 60 }',
    );
    put(root, "token", "first.token-1\n");
    const named = await runInstalled(
      ["setup", "--root", root, ...KNOWN, "--tenant-token-file", join(root, "token")],
    );
    assert.equal(named.code, 0, named.stderr);
    assert.deepEqual(JSON.parse(text(root, CONFIG)), {
      UpdatePollIntervalSeconds: 60,
      ServerURL: "https://mender.example.com",
      TenantToken: "first.token-1",
      HandoffRunner: "systemd",
    });
    // The server is known by now.
    const piped = await runInstalled(
      ["setup", "--root", root, "--fork", "--tenant-token-file", "-"],
      { input: "second.token-2\n" },
    );
    assert.equal(piped.code, 0, piped.stderr);
    const { TenantToken, HandoffRunner } = JSON.parse(text(root, CONFIG));
    assert.deepEqual([TenantToken, HandoffRunner], ["second.token-2", "fork"]);
    assert.match(text(root, UNIT), /^KillMode=process$/m);
    for (const { stdout, stderr } of [named, piped]) {
      assert.doesNotMatch(stdout + stderr, /token-\d/);
    }
  }));

test("setup takes no token from its arguments", () =>
  inTemporaryDirectory(async (root) => {
    const line = ["setup", "--root", root, ...KNOWN, "--tenant-token", "secret.token"];
    const { code, stderr } = await runInstalled(line);
    assert.equal(code, 2);
    assert.match(stderr, /unknown option '--tenant-token'/);
    assert.deepEqual(filesBelow(root), []);
  }));

test("setup --dry-run prints every file with the token masked, and writes none", () =>
  inTemporaryDirectory(async (root) => {
    const { code, stdout, stderr } = await runInstalled(
      ["setup", "--root", root, ...KNOWN, "--dry-run", "--aliases", "--tenant-token-file", "-"],
      { input: "secret.token-3" },
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(filesBelow(root), []);
    assert.doesNotMatch(stdout, /secret/);
    for (const name of ["mender-deno", "mender-python-client", "mender-update-flow-control"]) {
      assert.ok(stdout.includes(`${root}/usr/bin/${name} (`), name);
    }
    assert.match(stdout, /"TenantToken": "\*+"/);
  }));

test("setup without a terminal says which option is missing, and writes nothing", () =>
  inTemporaryDirectory(async (root) => {
    for (const line of [[], ["--server-url", "https://mender.example.com"]]) {
      const { code, stderr } = await runInstalled(["setup", "--root", root, ...line]);
      assert.equal(code, 2);
      assert.match(stderr, line.length === 0 ? /Give --server-url/ : /Give --device-type/);
    }
    assert.deepEqual(filesBelow(root), []);
  }));

for (
  const [name, line] of [
    ["an address that is none", ["--server-url", "mender example", "--device-type", "a"]],
    ["a device type of two words", ["--server-url", "https://m", "--device-type", "a b"]],
    ["other places", [...KNOWN, "--data", "/data"]],
    ["a group that is none", [...KNOWN, "--dbus-group", "a b"]],
    ["a token that is none", [...KNOWN, "--tenant-token-file", "-"]],
    ["enabling a unit of an image", [...KNOWN, "--enable"]],
  ] as const
) {
  test(`setup refuses ${name}, and writes nothing`, () =>
    inTemporaryDirectory(async (root) => {
      const { code, stderr } = await runInstalled(["setup", "--root", root, ...line]);
      assert.equal(code, 2, stderr);
      assert.deepEqual(filesBelow(root), []);
    }));
}

test("setup replaces no file of somebody else", () =>
  inTemporaryDirectory(async (root) => {
    put(root, "usr/bin/mender-python-client", "#!/usr/bin/python3\n");
    const { code, stderr } = await runInstalled(["setup", "--root", root, ...KNOWN, "--aliases"]);
    assert.equal(code, 1);
    assert.match(stderr, /Cannot replace \S+\/usr\/bin\/mender-python-client/);
    assert.deepEqual(filesBelow(root), ["usr/bin/mender-python-client"]);
  }));

test("setup --from python moves the old command aside, and --uninstall puts it back", () =>
  inTemporaryDirectory(async (root) => {
    const old = "usr/bin/mender-python-client";
    const line = ["setup", "--root", root, ...KNOWN, "--from", "python"];
    put(root, old, "#!/usr/bin/python3\n");
    const nothing = await runInstalled(line);
    assert.equal(nothing.code, 2);
    assert.match(nothing.stderr, /Cannot move from mender-python-client: it was not here/);

    put(root, "var/lib/mender/deployment.log", "");
    const dry = await runInstalled([...line, "--dry-run"]);
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(dry.stdout, /Would move \S+ to \S+\.old/);
    assert.equal(text(root, old), "#!/usr/bin/python3\n");

    const { code, stdout, stderr } = await runInstalled(line);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /Stop the old client first: systemctl disable --now mender-python-client\n/,
    );
    assert.match(text(root, old), /Written by "mender-deno setup/);
    assert.equal(text(root, `${old}.old`), "#!/usr/bin/python3\n");

    const back = await runInstalled(["setup", "--root", root, "--uninstall"]);
    assert.equal(back.code, 0, back.stderr);
    assert.equal(text(root, old), "#!/usr/bin/python3\n");
    assert.equal(existsSync(join(root, `${old}.old`)), false);
  }));

test("setup leaves a link to its own command where it is", () =>
  inTemporaryDirectory(async (root) => {
    mkdirSync(join(root, "usr/bin"), { recursive: true });
    const [program = "", entry] = installedCommand();
    symlinkSync(entry ?? program, join(root, "usr/bin/mender-deno"));
    const { code, stdout, stderr } = await runInstalled(["setup", "--root", root, ...KNOWN]);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /usr\/bin\/mender-deno/);
    assert.ok(lstatSync(join(root, "usr/bin/mender-deno")).isSymbolicLink());
  }));

test("setup --uninstall removes what is its own, and leaves configuration and state", () =>
  inTemporaryDirectory(async (root) => {
    const line = ["setup", "--root", root, ...KNOWN, "--flow-hold", "--example"];
    await runInstalled(line);
    put(root, "usr/bin/mender-python-client", "#!/usr/bin/python3\n");
    put(root, "var/lib/mender/mender-agent.pem", "key");
    const dry = await runInstalled(["setup", "--root", root, "--uninstall", "--dry-run"]);
    assert.match(dry.stdout, /Would remove \S+mender-deno\.service/);
    assert.ok(existsSync(join(root, UNIT)));
    const { code, stdout, stderr } = await runInstalled(["setup", "--root", root, "--uninstall"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Left \S+mender-python-client: it was not written by setup/);
    assert.match(stdout, /Removed \S+mender-deno-flow-hold\.service/);
    assert.deepEqual(filesBelow(root), [
      CONFIG,
      "usr/bin/mender-python-client",
      "usr/share/mender/install",
      "var/lib/mender/device_type",
      "var/lib/mender/mender-agent.pem",
    ]);
  }));

test(
  "setup asks at a terminal, and shows what there is",
  () =>
    inTemporaryDirectory(async (root) => {
      put(root, "var/lib/mender/device_type", "device_type=standing\n");
      const terminal = new PseudoTerminal(installedCommand("setup", "--root", root), process.env);
      const asks = (question: string): Promise<unknown> =>
        waitUntil(question, () => terminal.screen.main.endsWith(question), 30_000);
      try {
        await asks("Address of the server: ");
        terminal.type("https://asked.example.com\r");
        await asks("File with the tenant token: ");
        terminal.type("\r");
        await asks("Device type [standing]: ");
        terminal.type("\r");
        assert.equal(await terminal.ended, 0, terminal.output);
        assert.equal(JSON.parse(text(root, CONFIG)).ServerURL, "https://asked.example.com");
        assert.equal(text(root, "var/lib/mender/device_type"), "device_type=standing\n");
      } finally {
        await terminal.close();
      }
    }),
  terminalPeer,
);

test("the command that setup installs runs this program, under its older names too", () =>
  inTemporaryDirectory(async (root) => {
    await runInstalled(["setup", "--root", root, ...KNOWN, "--aliases"]);
    const { spawnSync } = await import("node:child_process");
    const run = (name: string, ...args: string[]) =>
      spawnSync(join(root, "usr/bin", name), args, { encoding: "utf8", timeout: 60_000 });
    assert.match(run("mender-deno", "--version").stdout, /^mender-deno \d/);
    assert.match(run("mender-python-client", "daemon", "--help").stdout, /--once/);
    assert.match(run("mender-update-flow-control", "set", "--help").stdout, /--on-expire/);
  }));
