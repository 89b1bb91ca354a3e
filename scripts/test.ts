/**
 * The gate: everything that guards the project, in one command. The last line is the sum.
 *
 * `--static` leaves the tests out; further arguments are passed to `deno test`.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { totalsOfRun } from "./gate/junit.ts";
import { runProgram } from "./gate/run_program.ts";
import { printSum } from "./gate/sum.ts";

const STATIC_CHECKS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ["format", ["fmt", "--check"]],
  ["lint", ["lint"]],
  ["types", ["check", "."]],
  ["documentation", ["doc", "--lint", "mod.ts", ...sourcesBelow("lib")]],
  ["reference", ["doc", "--lint", "mod.ts"]],
  ["layers", ["run", "--allow-read", "scripts/check_layers.ts"]],
  ["permissions", ["run", "--allow-read", "scripts/check_permissions.ts"]],
];

/** Plays some thousand rows, most of the time waiting. */
const MATRIX = "tests/faults/matrix";

const INTEGRATION = partsOf("tests/integration");

/** Beside each other, because they mostly wait: for programs, peers and time limits. */
const TEST_RUNS: readonly (readonly string[])[] = [
  ["tests/unit", "tests/fuzz", ...partsOf("tests/faults").filter((part) => part !== MATRIX)],
  [MATRIX],
  INTEGRATION.filter((_, at) => at % 2 === 0),
  INTEGRATION.filter((_, at) => at % 2 === 1),
  ["tests/peers", "tests/deno"],
];

/** Nothing of the gate takes longer; the tests have limits of their own besides. */
const CHECK_LIMIT_MS = 10 * 60_000;
const TESTS_LIMIT_MS = 30 * 60_000;

const deno = process.execPath;
const sum = { passed: 0, failed: 0, skipped: [] as string[] };

for (const [name, args] of STATIC_CHECKS) {
  const { code, output } = await runProgram(deno, args, {
    isQuiet: true,
    env: { NO_COLOR: "1" },
    limitMs: CHECK_LIMIT_MS,
  });
  console.log(`${name} ... ${code === 0 ? "ok" : "FAILED"}`);
  if (code === 0) sum.passed++;
  else {
    sum.failed++;
    console.log(output);
  }
}

const extra = process.argv.slice(2);
if (!extra.includes("--static")) {
  const directory = mkdtempSync(join(tmpdir(), "mender-deno-gate-"));
  await Promise.all(
    TEST_RUNS.map((folders, at) => runTests(folders, join(directory, `${at}.xml`))),
  );
  rmSync(directory, { recursive: true });
}

/** Runs the tests of some folders; what they say is shown at their end, so that it stays together. */
async function runTests(folders: readonly string[], report: string): Promise<void> {
  // Types have been checked; -A is for the tests, the programs under test run under their own sets.
  const args = ["test", "-A", "--no-check", `--junit-path=${report}`, ...extra, ...folders];
  const { code, output } = await runProgram(deno, args, {
    isQuiet: true,
    limitMs: TESTS_LIMIT_MS,
  });
  console.log(output);
  const totals = totalsOfRun(code, report);
  sum.passed += totals.passed;
  sum.failed += totals.failed;
  sum.skipped.push(...totals.skipped);
  console.log(
    `${[...new Set(folders.map(folderOf))].join(", ")} ... ${
      totals.failed === 0 ? "ok" : "FAILED"
    }`,
  );
}

printSum(sum);

function partsOf(folder: string): string[] {
  return readdirSync(folder).sort().map((name) => join(folder, name));
}

function folderOf(part: string): string {
  return part.endsWith(".ts") ? dirname(part) : part;
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}
