import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import process from "node:process";
import { type ClientRig, withRig } from "../support/client_rig.ts";
import { peer } from "../support/peers.ts";
import { test } from "../support/test.ts";

const noServer = { serverUrl: "http://127.0.0.1:9" };

/** Runs a command of the rig as the last words of a shell line, as `"$@" | head -1`. */
function inShell(rig: ClientRig, shell: string, line: string, env: NodeJS.ProcessEnv = {}) {
  // Alone, the version is told before anything is loaded.
  const words = rig.command(...line.split(" "))
    .filter((word) => line !== "--version" || (word !== "--root" && word !== rig.root));
  return spawnSync("sh", ["-c", shell, "sh", ...words], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DENO_DIR: process.env.DENO_DIR, ...env },
  });
}

const rows: [name: string, shell: string, line: string, code: number, stderr: RegExp][] = [
  ["| head", '{ "$@"; echo $? >&2; } | head -1', "--help", 0, /^0\n$/],
  ["| true", '{ "$@"; echo $? >&2; } | true', "check-config", 0, /^0\n$/],
  ["closed standard output", '"$@" >&-', "show-artifact", 0, /^$/],
  ["closed standard error", '"$@" 2>&-', "demon", 2, /^$/],
  ["closed standard input", '"$@" <&-', "show-artifact", 0, /^$/],
  [
    "standard output on a full disk",
    '"$@" >/dev/full',
    "show-artifact",
    1,
    /^Error: Cannot write to standard output: no space left on the device\n$/,
  ],
  ["standard error on a full disk", '"$@" 2>/dev/full', "demon", 2, /^$/],
  ["an odd locale", 'LC_ALL=tr_TR.UTF-8 LANG=xx TZ=Nowhere/Land "$@"', "show-artifact", 0, /^$/],
  ["TERM=dumb", 'TERM=dumb "$@"', "show-artifact", 0, /^$/],
];

// Node tells nobody that it could not print.
if ("Deno" in globalThis) {
  const says = /^Error: Cannot write to standard output/;
  rows.push(["standard output on a full disk", '"$@" >/dev/full', "--version", 1, says]);
}

for (const [name, shell, line, code, stderr] of rows) {
  test(`"mender-deno ${line}" with ${name} ends with ${code}, and without a trace`, () =>
    withRig(noServer, (rig) => {
      const end = inShell(rig, shell, line);
      assert.match(end.stderr, stderr);
      assert.equal(end.status, code, end.stderr);
      return Promise.resolve();
    }));
}

test("no command needs HOME", () =>
  withRig(noServer, (rig) => {
    // Deno finds its modules by HOME where DENO_DIR does not name them.
    const home = process.env.HOME ?? "/";
    const env = { HOME: undefined, DENO_DIR: process.env.DENO_DIR ?? `${home}/.cache/deno` };
    for (const line of ["show-artifact", "check-config", "bootstrap"]) {
      const end = inShell(rig, '"$@"', line, env);
      assert.equal(end.status, 0, end.stderr);
    }
    return Promise.resolve();
  }));

const mount = ((): ReturnType<typeof peer> => {
  const found = peer("unshare", "apt-get install util-linux");
  if (found.skip !== undefined) return found;
  const { status } = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  return status === 0 ? {} : { skip: "only root may mount" };
})();

/** Runs commands where something is mounted, which nobody else sees. */
function mounted(rig: ClientRig, setUp: string, line: string) {
  return inShell(rig, `exec unshare --mount sh -c '${setUp} && exec "$@"' sh "$@"`, line);
}

test(
  "a report on a full disk fails, says why, and is taken once there is space",
  () =>
    withRig(noServer, async (rig) => {
      const data = rig.paths.dataDirectory;
      const full = `mount -t tmpfs -o size=16k tmpfs ${data} && ` +
        `printf 0f0f-11 > ${data}/update.lock && (cat /dev/zero > ${data}/filler || true) 2>/dev/null`;
      const { status, stderr } = mounted(rig, full, "report --success");
      assert.equal(status, 1, stderr);
      assert.match(stderr, /^Error: Cannot store the outcome .*: no space left on the device$/m);
      rig.write(rig.paths.lock, "0f0f-11");
      assert.equal((await rig.run("report", "--success")).code, 3);
    }),
  mount,
);

test(
  "a read-only data directory is told as such; a read-only /tmp disturbs nobody",
  () =>
    withRig(noServer, (rig) => {
      const data = rig.paths.dataDirectory;
      mkdirSync(data, { recursive: true });
      const readOnly = `mount --bind ${data} ${data} && mount -o remount,bind,ro ${data}`;
      const { status, stderr } = mounted(rig, readOnly, "bootstrap");
      assert.equal(status, 1, stderr);
      assert.match(stderr, /^Error: Cannot write the key .*: the file system is read-only$/m);
      const tmp = `mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp`;
      const end = mounted(rig, tmp, "show-artifact");
      assert.equal(end.status, 0, end.stderr);
      return Promise.resolve();
    }),
  mount,
);
