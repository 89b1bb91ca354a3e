/**
 * The permission sets of `deno.json`. `daemon` and `report` do their job under their sets wherever a test
 * runs them (see `tests/support/client_rig.ts`); here it is what they must not do.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { REPOSITORY, repositoryText } from "../support/repository_text.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";

// deno-lint-ignore no-explicit-any
const sets: Record<string, any> = JSON.parse(repositoryText("deno.json")).permissions;

function probe(set: string, kind: string, what: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, [
    "run",
    "--quiet",
    "--no-prompt",
    `--config=${join(REPOSITORY, "deno.json")}`,
    `--permission-set=${set}`,
    join(REPOSITORY, "tests/support/permission_probe.ts"),
    kind,
    what,
  ], { encoding: "utf8", env: { ...process.env, PROBE_SECRET: "secret" }, timeout: 60_000 });
  return stdout.trim() || stderr;
}

for (const [name, set] of Object.entries(sets)) {
  test(`the set ${name} refuses what is outside of it, and says which right is missing`, () =>
    inTemporaryDirectory((directory) => {
      const probes: [kind: string, what: string][] = [
        ["read", "/etc/hostname"],
        ["write", join(directory, "file")],
        ["net", "1"],
        ["run", "/bin/true"],
      ];
      for (const [kind, what] of probes) {
        const missing = `NotCapable: Requires ${kind} access to `;
        const said = probe(name, kind, what);
        if (set[kind] === true) assert.ok(!said.includes("NotCapable"), said);
        else assert.ok(said.startsWith(missing), said);
      }
      // Whatever is not listed reads as not set: libraries ask for much that nobody has to know.
      assert.equal(probe(name, "env", "PROBE_SECRET"), "allowed: undefined");
    }));
}
