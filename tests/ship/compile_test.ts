/**
 * The compiled executable, as far as it can be looked at without the runtime part, which is fetched from
 * outside: what is embedded, and with which rights. That it runs is not shown by this.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { embeddedFiles } from "../../scripts/ship/embedded_files.ts";
import { REPOSITORY, repositoryFiles, repositoryText } from "../support/repository_text.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";

const { version, imports } = JSON.parse(repositoryText("deno.json"));
const LIMIT_MS = 300_000;

function compile(out: string, env: Record<string, string>, ...args: string[]) {
  return spawnSync(process.execPath, ["run", "-A", "scripts/compile.ts", "--out", out, ...args], {
    cwd: REPOSITORY,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
}

for (const target of ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]) {
  test(
    `compile for ${target} embeds every command and every npm package, and bakes its rights in`,
    () =>
      inTemporaryDirectory((directory) => {
        const config = join(directory, "mender.conf");
        writeFileSync(config, '{"ServerURL": "https://mender.example.com"}');
        // Deno itself in the place of the runtime part: good for looking at, not for running.
        const made = compile(
          directory,
          { DENORT_BIN: process.execPath },
          ...["--target", target, "--config", config, "--net", "storage.example.com:443"],
        );
        assert.equal(made.status, 0, made.stderr);
        const tree = join(directory, `mender-deno-${version}-${target}`);
        assert.equal(made.stdout.trim(), tree);
        const executable = join(tree, "usr/bin/mender-deno");
        const files = embeddedFiles(executable);
        for (const path of repositoryFiles("cli", ".ts")) assert.ok(files.includes(path), path);
        for (const [name, specifier] of Object.entries<string>(imports)) {
          if (name === "@msgpack/msgpack") continue; // of the tests alone
          const version = specifier.slice(specifier.lastIndexOf("@") + 1);
          assert.ok(files.some((path) => path.includes(`/${name}/${version}/`)), specifier);
        }
        const bytes = readFileSync(executable).toString("latin1");
        const permissions = /"permissions":(\{"allow_[^}]*\})/.exec(bytes)?.[1] ?? "";
        for (
          const right of ["mender.example.com:443", "storage.example.com:443", "/var/lib/mender"]
        ) {
          assert.ok(permissions.includes(`"${right}"`), `${right} in ${permissions}`);
        }
        assert.ok(permissions.includes('"/usr/lib/mender-deno/scripts/service/run_bounded.sh"'));
        assert.ok(!permissions.includes("hosted.mender.io"));
        // An empty list would permit everything.
        assert.doesNotMatch(permissions, /"allow_\w+":(\[\]|true)/);
        for (const path of repositoryFiles("scripts/service", ".sh")) {
          assert.ok(existsSync(join(tree, "usr/lib/mender-deno", path)), path);
        }
      }),
    { limitMs: LIMIT_MS },
  );
}

test(
  "compile says in one line that the runtime part cannot be had, and leaves nothing",
  () =>
    inTemporaryDirectory((directory) => {
      // An address that nobody answers at, so that it is the same with a network.
      const { status, stdout, stderr } = compile(directory, {
        DENO_DIR: join(directory, "cache"),
        HTTPS_PROXY: "http://127.0.0.1:1",
        NPM_CONFIG_OFFLINE: "true",
      });
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, /^Cannot compile: [^\n]+\n$/);
      assert.ok(!existsSync(join(directory, `mender-deno-${version}-x86_64-unknown-linux-gnu`)));
    }),
  { limitMs: LIMIT_MS },
);

for (
  const [args, said] of [
    [["--target", "armv7-unknown-linux-gnueabihf"], /there is no Deno for armv7/],
    [["--sets", "daemon,nobody"], /there is no permission set "nobody"/],
  ] as const
) {
  test(`compile ${args.join(" ")} is refused in one line`, () =>
    inTemporaryDirectory((directory) => {
      const { status, stderr } = compile(directory, { DENORT_BIN: process.execPath }, ...args);
      assert.equal(status, 1);
      assert.match(stderr, said);
      assert.equal(stderr.trim().split("\n").length, 1);
    }));
}
