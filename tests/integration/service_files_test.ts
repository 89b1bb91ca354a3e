import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { AUTHENTICATION_MANAGER, UPDATE_MANAGER } from "../../lib/dbus/mender_names.ts";
import { letterId } from "../support/control_maps.ts";
import { withFlowRig } from "../support/flow_rig.ts";
import { runInstalled } from "../support/installed_command.ts";
import { asNobody, otherUserPeer } from "../support/other_user.ts";
import { peer } from "../support/peers.ts";
import { repositoryFiles, repositoryText } from "../support/repository_text.ts";
import { ScriptedManager } from "../support/scripted_manager.ts";
import { ScriptedAuthenticator } from "../support/scripted_authenticator.ts";
import { busPeer, type SystemBus, withSystemBus } from "../support/system_bus.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const systemd = peer("systemd-analyze", "apt-get install systemd");
const logrotate = peer("logrotate", "apt-get install logrotate");
const gdbus = peer("gdbus", "apt-get install libglib2.0-bin");
const other = otherUserPeer();
const busAndOther = other.skip === undefined ? busPeer : other;

const KNOWN = ["--server-url", "https://mender.example.com", "--device-type", "acme-box"];
const hasTerminal = "terminal" in JSON.parse(repositoryText("deno.json")).permissions;

/** Runs a test body with the files of a whole installation. */
function withInstallation(
  options: readonly string[],
  body: (root: string) => void | Promise<void>,
): Promise<void> {
  return inTemporaryDirectory(async (root) => {
    const { code, stderr } = await runInstalled(["setup", "--root", root, ...KNOWN, ...options]);
    assert.equal(code, 0, stderr);
    await body(root);
  });
}

const unitPath = (root: string, name: string): string => join(root, "etc/systemd/system", name);

/** The directives of a unit, in order. */
function directives(root: string, name: string): string[] {
  return readFileSync(unitPath(root, name), "utf8").split("\n").filter((line) =>
    /^\w+=/.test(line)
  );
}

for (const options of [["--flow-hold"], ["--fork"], ...(hasTerminal ? [["--terminal"]] : [])]) {
  test(
    `systemd-analyze verify finds nothing wrong with the units of setup ${options}`,
    () =>
      withInstallation(options, (root) => {
        const units = ["mender-deno", "mender-deno-flow-hold", "mender-deno-terminal"]
          .map((name) => unitPath(root, `${name}.service`)).filter((path) => existsSync(path));
        assert.equal(units.length, options[0] === "--fork" ? 1 : 2);
        const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", ...units], {
          encoding: "utf8",
          timeout: 60_000,
        });
        const said = (stdout + stderr).split("\n").filter((line) => line.includes("mender-deno"));
        assert.deepEqual([status, said], [0, []], stdout + stderr);
      }),
    systemd,
  );
}

for (const [name, most] of [["mender-deno", 4.0], ["mender-deno-flow-hold", 4.0]] as const) {
  test(
    `${name}.service is exposed by ${most} at most`,
    () =>
      withInstallation(["--flow-hold"], (root) => {
        const { stdout } = spawnSync(
          "systemd-analyze",
          ["security", "--offline=true", "--no-pager", unitPath(root, `${name}.service`)],
          { encoding: "utf8", timeout: 60_000 },
        );
        const level = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
        assert.ok(level <= most, stdout.slice(-200));
      }),
    systemd,
  );
}

test("the daemon's unit starts again for ever, waits for nothing, and has no rights to mount or to write elsewhere", () =>
  withInstallation([], (root) => {
    const lines = directives(root, "mender-deno.service");
    for (
      const line of [
        "Type=notify",
        "NotifyAccess=all",
        "TimeoutStartSec=infinity",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=always",
        "RestartSec=10",
        "StartLimitIntervalSec=0",
        "After=network.target nss-lookup.target time-sync.target",
        "ProtectSystem=strict",
        "ReadWritePaths=/var/lib/mender",
        // The D-Bus is a Unix socket.
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "CapabilityBoundingSet=",
        "SystemCallFilter=~@privileged",
        "RestrictNamespaces=yes",
        "NoNewPrivileges=yes",
      ]
    ) assert.ok(lines.includes(line), line);
    assert.ok(!lines.some((line) => /^(Requires|BindsTo|Wants|Requisite)=/.test(line)));
    // It would hide the sub-updater, whose rights are greater, from the question whether it lives.
    assert.ok(!lines.some((line) => line.startsWith("ProtectProc=")));
  }));

test("the sub-updater is started with nothing of the daemon's sandbox", () => {
  const script = repositoryText("scripts/service/systemd_unit.sh");
  const properties = [...script.matchAll(/--property=(\S+=\S+)/g)].map(([, property]) => property);
  assert.deepEqual(properties, ["KillMode=process"]);
});

test(
  "where systemd runs the machine, the sub-updater can write where the daemon's sandbox can not",
  () =>
    withInstallation([], (root) => {
      const sandbox = directives(root, "mender-deno.service").filter((line) =>
        /^(Capability|NoNew|Protect|Private|Restrict|Lock|SystemCall)/.test(line)
      ).map((line) => `--property=${line}`);
      const attempt =
        "mount -t tmpfs none /mnt && umount /mnt && touch /usr/.mender-deno-probe && " +
        "rm /usr/.mender-deno-probe";
      const run = (properties: string[]): number | null =>
        spawnSync("systemd-run", [
          "--wait",
          "--quiet",
          "--collect",
          ...properties,
          "sh",
          "-c",
          attempt,
        ])
          .status;
      assert.notEqual(run(sandbox), 0);
      assert.equal(run(["--property=KillMode=process"]), 0);
    }),
  {
    skip: existsSync("/run/systemd/system") ? undefined : "systemd does not run this machine",
  },
);

test("the fork variant has no sandbox, and its sub-updater outlives it", () =>
  withInstallation(["--fork"], (root) => {
    const lines = directives(root, "mender-deno.service");
    assert.ok(lines.includes("KillMode=process"));
    assert.ok(
      !lines.some((line) => /^(Protect|Private|Restrict|Capability|SystemCall|NoNew)/.test(line)),
    );
  }));

test("setup permits remote access its unit only when it is asked for, and enables it never", () =>
  withInstallation([], async (root) => {
    assert.ok(!existsSync(unitPath(root, "mender-deno-terminal.service")));
    const unit = repositoryText("scripts/service/system/mender-deno-terminal.service");
    assert.doesNotMatch(unit, /^(Protect|Private|NoNew)/m);
    const line = ["setup", "--root", root, ...KNOWN, "--terminal"];
    const { code, stdout, stderr } = await runInstalled(line);
    if ("Deno" in globalThis && !hasTerminal) return assert.equal(code, 2, stderr);
    assert.equal(code, 0, stderr);
    assert.ok(existsSync(unitPath(root, "mender-deno-terminal.service")));
    assert.match(stdout, /enable mender-deno\.service\n/);
  }));

test(
  "the policies let root alone own Mender's services, and a group hold updates",
  () =>
    inTemporaryDirectory((directory) => {
      chmodSync(directory, 0o755);
      const policies = (name: string, group = ""): string =>
        /<busconfig>([\s\S]*)<\/busconfig>/
          .exec(repositoryText(`scripts/service/system/${name}.conf`))?.[1]
          ?.replaceAll("@GROUP@", group) ?? "";
      const withPolicies = (text: string, mayNobody: boolean): Promise<void> =>
        withFlowRig(async (rig) => {
          const set = ["set", "--once", "--id", letterId("A")];
          const manager = await ScriptedManager.start(rig.bus.address);
          assert.equal((await rig.run(set)).stdout, "30\n");
          const dir = join(rig.dir, "nobody");
          mkdirSync(dir, { recursive: true });
          for (const path of [rig.dir, dir]) chmodSync(path, 0o755);
          const [program = "", ...rest] = asNobody(dir, rig.command(...set));
          const said = await new Promise<string>((resolve) => {
            execFile(program, rest, { env: rig.env(), timeout: 60_000 }, (_, stdout, stderr) => {
              resolve(stdout + stderr);
            });
          });
          assert.match(said, mayNobody ? /^30\n$/ : /this user may not call/);
          await manager.stop();
        }, { policies: text });
      return withPolicies(policies("io.mender.mender-deno"), false)
        .then(() => withPolicies(policies("io.mender.mender-deno-group", "nogroup"), true));
    }),
  busAndOther,
);

for (const name of ["io.mender.mender-deno", "io.mender.mender-deno-group"]) {
  for (const [who, isTold] of [["root", true], ["nobody", false]] as const) {
    test(
      `${name}.conf ${isTold ? "lets root hear" : "keeps from nobody"} the token that is signalled`,
      () =>
        inTemporaryDirectory(async (dir) => {
          chmodSync(dir, 0o755);
          const policies = /<busconfig>([\s\S]*)<\/busconfig>/
            .exec(repositoryText(`scripts/service/system/${name}.conf`))?.[1]
            ?.replaceAll("@GROUP@", "nogroup") ?? "";
          const heard = await withSystemBus(dir, { policies }, (bus) => hear(dir, bus, who));
          assert.equal(heard.includes("aaa.bbb.ccc"), isTold, heard);
        }),
      gdbus.skip === undefined ? busAndOther : gdbus,
    );
  }
}

/** What a user hears of a daemon that owns both names, signals a token and ends. */
async function hear(dir: string, bus: SystemBus, who: "root" | "nobody"): Promise<string> {
  const daemon = await ScriptedAuthenticator.start(bus.address, ["", ""], [UPDATE_MANAGER.service]);
  const monitor = ["gdbus", "monitor", "--address", bus.address];
  const line = [...monitor, "--dest", AUTHENTICATION_MANAGER.service];
  const [program = "", ...args] = who === "root" ? line : asNobody(dir, line);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const closed = new Promise((resolve) => child.once("close", resolve));
  let heard = "";
  child.stdout.on("data", (chunk) => heard += String(chunk));
  try {
    await waitUntil("its ear", () => heard.includes("is owned by"), 30_000);
    // It says so before it listens: what is told once might come too early.
    for (let times = 0; times < 20 && !heard.includes("aaa.bbb.ccc"); times++) {
      daemon.know(["aaa.bbb.ccc", "https://server"]);
      await delay(50);
    }
    await daemon.stop();
    // It is told after the signal, to everybody.
    await waitUntil("the end", () => heard.includes("does not have an owner"), 30_000);
    return heard;
  } finally {
    child.kill("SIGKILL");
    await closed;
  }
}

test(
  "systemd-tmpfiles makes the directories with their modes",
  () =>
    withInstallation([], (root) => {
      // Owners are looked up in the image.
      writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:/bin/sh\n");
      writeFileSync(join(root, "etc/group"), "root:x:0:\n");
      const { status, stderr } = spawnSync(
        "systemd-tmpfiles",
        ["--create", `--root=${root}`, join(root, "etc/tmpfiles.d/mender-deno.conf")],
        { encoding: "utf8", timeout: 60_000 },
      );
      assert.equal(status, 0, stderr);
      assert.equal(statSync(join(root, "var/lib/mender")).mode & 0o777, 0o700);
      assert.equal(statSync(join(root, "var/cache/mender-deno")).mode & 0o777, 0o755);
    }),
  process.getuid?.() === 0 ? systemd : { skip: "only root makes directories of root" },
);

test(
  "logrotate rotates the log and leaves the file that the daemon has open",
  () =>
    withInstallation([], (root) => {
      const log = join(root, "mender-deno.log");
      writeFileSync(log, "line\n".repeat(300_000));
      const inode = statSync(log).ino;
      const rules = readFileSync(join(root, "etc/logrotate.d/mender-deno"), "utf8")
        .replace("/var/log/mender-deno.log {", `${log} {`);
      writeFileSync(join(root, "rules"), rules, { mode: 0o644 });
      const { status, stderr } = spawnSync(
        "logrotate",
        ["--state", join(root, "state"), join(root, "rules")],
        { encoding: "utf8", timeout: 60_000 },
      );
      assert.equal(status, 0, stderr);
      assert.deepEqual([statSync(log).ino, statSync(log).size], [inode, 0]);
      assert.ok(existsSync(`${log}.1.gz`));
    }),
  logrotate,
);

test("no unit and no script of the service runs anything with all rights", () => {
  for (const path of [...repositoryFiles("scripts/service", ""), "scripts/mender-deno"]) {
    if (!/\.\w+$|mender-deno$/.test(path)) continue;
    assert.doesNotMatch(repositoryText(path), /run (-\S+ )*-A|--allow-all/, path);
  }
});
