import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** `.ts` where the sources are run as they are, `.js` where they were turned into JavaScript. */
const ENDING = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const isDeno = "Deno" in globalThis;

interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly change: (source: string) => string;
}

/** Mistakes that the matrix must find. */
const MUTATIONS: readonly Mutation[] = [
  {
    name: "a directory is not synced after a rename",
    file: "lib/runtime/files/atomic_file",
    change: (source) =>
      source.replace(/(files\.rename\(beside, path\);[^]*?)files\.syncDirectory\([^\n]*\n/, "$1\n"),
  },
  {
    name: "the lock is written after the start",
    file: "lib/deployment/handoff/hand_over",
    change: (source) => {
      const lock = /^ *context\.lock\.write\(id\);\n/m;
      const line = lock.exec(source)?.[0] ?? "";
      return source.replace(lock, "").replace(/^( *const handoff = .*\n)/m, `$1${line}`);
    },
  },
  {
    name: "the phase before the hand-off is not stored",
    file: "lib/deployment/lifecycle/journal",
    change: (source) =>
      source.replace(
        /^ *this\.#file\.write\(record\);/m,
        'if (record.phase !== "handing_over") this.#file.write(record);',
      ),
  },
];

for (const { name, file, change } of MUTATIONS) {
  test(`kill matrix: fails when ${name}`, async () => {
    await inTemporaryDirectory((directory) => {
      copySources(directory);
      const path = join(directory, file + ENDING);
      const source = readFileSync(path, "utf8");
      const mutated = change(source);
      assert.notEqual(mutated, source, "the mutation does not fit the source any more");
      writeFileSync(path, mutated);
      const { status, stdout, stderr } = runMatrix(directory);
      const said = stdout + stderr;
      assert.notEqual(status, 0, said);
      // It is the matrix that fails, not the copy.
      assert.match(said, /is started in phase|finds the lock|is sent in phase|started \d times/);
    });
  }, { limitMs: 300_000 });
}

test("kill matrix: passes in a copy without a mistake", async () => {
  await inTemporaryDirectory((directory) => {
    copySources(directory);
    const { status, stdout, stderr } = runMatrix(directory);
    assert.equal(status, 0, stdout + stderr);
  });
}, { limitMs: 300_000 });

function copySources(directory: string): void {
  for (const folder of ["lib", "cli", "scripts/service", "tests/support", "tests/faults/kill"]) {
    // What is a link here must not be changed through it.
    cpSync(join(ROOT, folder), join(directory, folder), { recursive: true, dereference: true });
  }
  for (const name of ["deno.json", "deno.lock", "package.json"]) {
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(directory, name));
  }
  const modules = join(ROOT, "node_modules");
  if (existsSync(modules)) symlinkSync(modules, join(directory, "node_modules"));
}

/** The rows of the power cuts, which need no luck. */
function runMatrix(directory: string): { status: number | null; stdout: string; stderr: string } {
  const file = `tests/faults/kill/kill_matrix_test${ENDING}`;
  const rows = "(the durable steps|power cut at .daemon: .*(lock|handing_over|sub-updater))";
  const args = isDeno
    ? ["test", "-A", "--no-check", "--quiet", `--filter=/${rows}/`, file]
    : ["--test", "--test-reporter=spec", `--test-name-pattern=${rows}`, file];
  return spawnSync(process.execPath, args, {
    cwd: directory,
    encoding: "utf8",
    timeout: 240_000,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
}
