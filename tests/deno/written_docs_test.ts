import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { peer } from "../support/peers.ts";
import { REPOSITORY } from "../support/repository_text.ts";
import { test } from "../support/test.ts";

const man = peer("mandoc", "apt-get install mandoc");

test("the pages that scripts/write_docs.ts makes are what it makes now", () => {
  const args = ["run", "-A", "scripts/write_docs.ts", "--check"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: REPOSITORY,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  assert.equal(status, 0, stdout + stderr);
});

test("the manual page is one that man can show, without a complaint", () => {
  const page = join(REPOSITORY, "docs/mender-deno.1");
  const lint = spawnSync("mandoc", ["-T", "lint", "-W", "warning", page], { encoding: "utf8" });
  const said = lint.stdout.split("\n").filter((line) => !/missing date|^$/.test(line));
  assert.deepEqual(said, []);
  const shown = spawnSync("mandoc", ["-T", "ascii", page], { encoding: "utf8" }).stdout
    .replaceAll(new RegExp(`.${String.fromCharCode(8)}`, "g"), "");
  for (const text of ["NAME", "mender-deno -", "--fallback-config", "flow set", "EXIT STATUS"]) {
    assert.ok(shown.includes(text), text);
  }
}, man);
