import assert from "node:assert/strict";
import { withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";

const noServer = { serverUrl: "http://127.0.0.1:1" };

const rows: [line: string, code: number, stdout: RegExp, stderr: RegExp][] = [
  ["--version", 0, /^mender-deno \d+\.\d+\.\d+\n$/, /^$/],
  ["-v daemon", 0, /^mender-deno \d+\.\d+\.\d+\n$/, /^$/],
  ["", 0, /^Usage: mender-deno/, /^$/],
  ["-l debug", 0, /^Usage: mender-deno/, /^$/],
  ["--help", 0, /Commands:[\s\S]*daemon/, /^$/],
  ["daemon --help", 0, /--once/, /^$/],
  ["demon", 2, /^$/, /^Error: unknown command 'demon'\n {2}Did you mean daemon\?\n$/],
  ["daemon --onec", 2, /^$/, /^Error: unknown option '--onec'\n/],
  ["daemon extra", 2, /^$/, /^Error: too many arguments/],
  ["--config", 2, /^$/, /^Error: option '-c, --config <file>' argument missing\n {2}Add --help/],
  ["--log-format xml daemon", 2, /^$/, /^Error: option '--log-format/],
  ["show-artifact", 0, /^release-1\n$/, /^$/],
  ["-l critical show-artifact", 0, /^release-1\n$/, /^$/],
  ["show-artifact --no-syslog -l debug", 0, /^release-1\n$/, /^$/],
  ["-l loud show-artifact", 0, /^release-1\n$/, /no log level "loud"; info is used/],
  ["show-provides", 0, /^artifact_name=release-1\n$/, /^$/],
  ["check-config", 0, /UpdatePollIntervalSeconds +1 +\[main\]/, /^$/],
  ["-L /no/dir/x show-artifact", 1, /^$/, /^Error: Cannot write the log file/],
  [
    "--log-format json -L /no/dir/x show-artifact",
    1,
    /^$/,
    /^\{[^\n]*"level":"fatal"[^\n]*"code":"store\.[^\n]*\}\n$/,
  ],
  ["check-config --json", 0, /^\{[\s\S]*"UpdatePollIntervalSeconds"/, /^$/],
];

// Node has no permissions to print; the other case is in tests/deno.
if (!("Deno" in globalThis)) {
  rows.push(["permissions", 1, /^$/, /^Error: Cannot print permissions: Node has none/]);
}

for (const [line, code, stdout, stderr] of rows) {
  test(`"mender-deno ${line}" ends with ${code}`, async () => {
    await withRig(noServer, async (rig) => {
      const ended = await rig.run(...line.split(" ").filter((word) => word !== ""));
      assert.match(ended.stderr, stderr);
      assert.match(ended.stdout, stdout);
      assert.equal(ended.code, code, ended.stderr);
    });
  });
}

test("bootstrap makes a key once, and -F makes a new one", async () => {
  await withRig(noServer, async (rig) => {
    const made = await rig.run("bootstrap");
    assert.equal(made.code, 0, made.stderr);
    const key = rig.read(rig.paths.key);
    assert.match(key, /^-----BEGIN RSA PRIVATE KEY-----/);
    assert.equal((await rig.run("bootstrap")).code, 0);
    assert.equal(rig.read(rig.paths.key), key);
    assert.equal((await rig.run("-F", "bootstrap")).code, 0);
    assert.notEqual(rig.read(rig.paths.key), key);
  });
});

test("check-config fails for a file that is wrong, and lists every problem", async () => {
  await withRig(noServer, async (rig) => {
    const file = `${rig.root}/other.conf`;
    rig.write(file, '{"ServerURL": 7, "UpdatePollInterval": 5, "SkipVerify": "no"}');
    const { code, stdout } = await rig.run("check-config", file);
    assert.equal(code, 1);
    assert.match(stdout, /ServerURL/);
    assert.match(stdout, /SkipVerify/);
    assert.match(stdout, /UpdatePollIntervalSeconds/);
  });
});

for (const option of ["--data", "--root", "--config", "--log-file"]) {
  test(`"mender-deno ${option} '' show-artifact" is a usage error`, async () => {
    await withRig(noServer, async (rig) => {
      const { code, stderr } = await rig.run("show-artifact", option, "");
      assert.equal(code, 2, stderr);
      assert.match(stderr, /^Error: Cannot use --/);
    });
  });
}

test("check-config FILE does not look at this machine's mender-connect.conf", async () => {
  await withRig(noServer, async (rig) => {
    rig.write(rig.paths.connectConfig, "not JSON");
    assert.equal((await rig.run("check-config")).code, 1);
    const file = `${rig.root}/other.conf`;
    rig.write(file, '{"ServerURL": "https://m"}');
    const { code, stdout } = await rig.run("check-config", file);
    assert.equal(code, 0, stdout);
    assert.doesNotMatch(stdout, /connect/);
  });
});
