/**
 * The bundle on a device that has nothing else: an image is set up with `--root`, and started, with the
 * network off.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { rigArtifact } from "../support/client_rig.ts";
import { type Peer, peer } from "../support/peers.ts";
import { REPOSITORY, repositoryText } from "../support/repository_text.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";

const LIMIT_MS = 600_000;
const { version } = JSON.parse(repositoryText("deno.json"));
const OPT = `opt/mender-deno-${version}`;

/** Whether this machine lets a test make a machine of its own: other files, no network. */
function ownMachine(): Peer {
  for (const program of ["unshare", "curl", "ip"]) {
    const found = peer(program, "apt-get install util-linux curl iproute2");
    if (found.skip !== undefined) return found;
  }
  return process.getuid?.() === 0 ? {} : { skip: "only root can start an image" };
}

function build(directory: string, ...flags: string[]): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["run", "-A", "scripts/bundle.ts", "--out", directory, ...flags],
    { cwd: REPOSITORY, encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

/**
 * Starts the image: its files over those of this machine, which lend it a shell and no Deno, and no
 * network but loopback. $1: image, $2: work directory.
 */
const BOOT = `set -eu
ip link set lo up
mkdir -p "$2/work" "$2/merged"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1,workdir=$2/work" "$2/merged"
mount --rbind /dev "$2/merged/dev"
mount -t proc proc "$2/merged/proc"
mount -t tmpfs none "$2/merged/tmp"
mount -t tmpfs none "$2/merged/root"
mount -t tmpfs none "$2/merged/usr/lib/node_modules"
exec chroot "$2/merged" /bin/sh /boot-test`;

/** As a machine that was just switched on: directories are made, services are started, over and over. */
const BOOTED = `set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd /
fail() { echo "FAILED: $1"; cat /server.log /daemon.log /var/lib/mender/sub-updater.log; exit 1; }
if deno --version >/dev/null 2>&1; then fail "there is another Deno"; fi
if curl -s --max-time 5 http://192.0.2.1; then fail "there is a network"; fi
systemd-tmpfiles --create /etc/tmpfiles.d/mender-deno.conf 2>/dev/null ||
  mkdir -p /var/lib/mender /var/cache/mender-deno
echo let-me-in-123 >/password
/${OPT}/scripts/mender-deno serve --auto-accept --password-file /password >/server.log 2>&1 &
server=$!
start=$(sed -n 's/^ExecStart=//p' /etc/systemd/system/mender-deno.service)
(
  while [ ! -e /over ]; do
    env -i PATH="$PATH" DENO_DIR=/var/cache/mender-deno sh -c "exec $start"
    sleep 1
  done
) >/daemon.log 2>&1 &
daemon=$!
api=http://127.0.0.1:8181/api/management
for try in $(seq 120); do
  token=$(curl -s -X POST -u admin:let-me-in-123 $api/v1/useradm/auth/login) && break
  sleep 0.5
done
manage() { curl -s -H "Authorization: Bearer $token" "$@"; }
manage -F artifact=@/release-2.mender $api/v1/deployments/artifacts || fail "no upload"
for try in $(seq 240); do
  [ "$(manage "$api/v2/devauth/devices?status=accepted")" != "[]" ] && break
  sleep 0.5
done
manage -H "Content-Type: application/json" \\
  -d '{"name":"first","artifact_name":"release-2","all_devices":true}' \\
  $api/v1/deployments/deployments || fail "no deployment"
for try in $(seq 240); do
  state=$(manage $api/v1/deployments/deployments)
  case $state in *'"status":"finished"'*) break ;; esac
  sleep 0.5
done
case $state in *'"success":1'*) ;; *) fail "not a success: $state" ;; esac
touch /over
kill $(pgrep -P "$daemon") "$server" 2>/dev/null
mender-deno show-artifact`;

test(
  "the bundle takes an image from its first start to a reported success, without a network",
  () =>
    inTemporaryDirectory((directory) => {
      const bundle = build(directory);
      const image = join(directory, "image");
      const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
        mkdirSync(dirname(join(image, path)), { recursive: true });
        writeFileSync(join(image, path), content);
        chmodSync(join(image, path), mode);
      };
      put("etc/mender/mender.conf", '{"UpdatePollIntervalSeconds":1,"RetryPollIntervalSeconds":1}');
      put("etc/mender/artifact_info", "artifact_name=release-1\n");
      const identity = "#!/bin/sh\necho mac=02:11:22:33:44:55\n";
      put("usr/share/mender/identity/mender-device-identity", identity, 0o755);
      put("release-2.mender", rigArtifact("release-2"));
      put("boot-test", BOOTED);
      mkdirSync(join(image, "opt"));
      assert.equal(spawnSync("tar", ["-xzf", bundle, "-C", join(image, "opt")]).status, 0);
      // The machine that builds the image has no network either.
      const setup = spawnSync("unshare", [
        ...["--net", join(image, OPT, "scripts/mender-deno"), "setup", "--root", image, "--fork"],
        ...["--server-url", "http://127.0.0.1:8181", "--device-type", "acme-box", "--example"],
      ], {
        encoding: "utf8",
        env: { PATH: "/usr/bin:/bin", HOME: directory, DENO_DIR: join(directory, "cache") },
      });
      assert.equal(setup.status, 0, setup.stderr);
      const unit = readFileSync(join(image, "etc/systemd/system/mender-deno.service"), "utf8");
      assert.match(
        unit,
        new RegExp(
          `^ExecStart=/usr/bin/env --block-signal=USR1 /${OPT}/bin/deno .* --v8-flags=\\S+ .* /${OPT}/cli/main.js daemon$`,
          "m",
        ),
      );
      const booted = spawnSync("unshare", [
        ...["--net", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"],
        ...["sh", "-c", BOOT, "boot", image, directory],
      ], { encoding: "utf8", timeout: LIMIT_MS });
      assert.equal(
        booted.stdout.trim().split("\n").at(-1),
        "release-2",
        booted.stdout + booted.stderr,
      );
      assert.equal(
        readFileSync(join(image, "etc/mender/artifact_info"), "utf8"),
        "artifact_name=release-2\n",
      );
      assert.ok(existsSync(join(image, "opt/my-app/a/payload.bin")));
      assert.ok(!existsSync(join(image, "var/lib/mender/update.lock")));
    }),
  { ...ownMachine(), limitMs: LIMIT_MS },
);

test(
  "a bundle without Deno holds all but Deno, and runs on the one of the PATH",
  () =>
    inTemporaryDirectory((directory) => {
      const bundle = build(directory, "--without-deno");
      spawnSync("tar", ["-xzf", bundle, "-C", directory]);
      const top = join(directory, `mender-deno-${version}`);
      assert.ok(!existsSync(join(top, "bin")));
      const run = (...args: string[]): string =>
        spawnSync(join(top, "scripts/mender-deno"), args, {
          encoding: "utf8",
          env: {
            PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
            HOME: directory,
            DENO_DIR: join(directory, "cache"),
          },
        }).stdout;
      assert.equal(run("--version"), `mender-deno ${version}\n`);
      assert.match(run("flow", "--help"), /Usage: mender-deno flow/);
      const files = readdirSync(top, { recursive: true, encoding: "utf8" })
        .filter((path) => !path.startsWith("node_modules"));
      assert.deepEqual(files.filter((path) => /(^|\/)(tests|\.build|\.git)/.test(path)), []);
      assert.ok(files.includes("scripts/service/handoff.sh") && files.includes("docs/service.md"));
      // Sources would be read in the place of what was compiled from them.
      assert.deepEqual(files.filter((path) => path.endsWith(".ts")), []);
    }),
  { limitMs: LIMIT_MS },
);

test(
  "every module of a bundle finds what it imports, and errors keep their names",
  () =>
    inTemporaryDirectory((directory) => {
      spawnSync("tar", ["-xzf", build(directory, "--without-deno"), "-C", directory]);
      const top = join(directory, `mender-deno-${version}`);
      const modules = readdirSync(join(top, "lib/program")).filter((name) => name !== "main.js");
      const script = join(top, "lib/load.js");
      writeFileSync(
        script,
        `const found = new Set();
for (const name of ${JSON.stringify(modules)}) {
  for (const value of Object.values(await import("./program/" + name))) {
    if (value?.prototype instanceof Error) found.add(value.prototype.name);
  }
}
console.log([...found].join());`,
      );
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ["run", "-q", "-A", "--cached-only", script],
        { encoding: "utf8" },
      );
      assert.equal(status, 0, stderr);
      assert.ok(modules.length > 20);
      const names = stdout.trim().split(",");
      assert.ok(["ConfigError", "JsonSyntaxError"].every((name) => names.includes(name)), stdout);
    }),
  { limitMs: LIMIT_MS },
);

test("a bundle for another machine wants its Deno to be named", () => {
  const other = process.arch === "x64" ? "arm64" : "x64";
  const { status, stdout } = spawnSync(
    process.execPath,
    ["run", "-A", "scripts/bundle.ts", "--cpu", other],
    { cwd: REPOSITORY, encoding: "utf8" },
  );
  assert.equal(status, 2);
  assert.match(stdout, /name its Deno binary with --deno/);
});
