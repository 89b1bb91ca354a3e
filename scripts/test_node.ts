/**
 * Runs the same tests on Node: the sources are turned into JavaScript below `.build/node`, and Node's
 * own runner runs them there. `MENDER_DENO_NODE` names the binary; else `node` on the PATH is used.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { totalsOfRun } from "./gate/junit.ts";
import { runProgram } from "./gate/run_program.ts";
import { printSum } from "./gate/sum.ts";

const OLDEST_NODE = 20;
const FOLDERS = ["tests/unit", "tests/integration", "tests/faults"];
/** Each test has a limit of its own; Node's runner means a whole file. */
const FILE_LIMIT_MS = 10 * 60_000;
const BUILD_LIMIT_MS = 10 * 60_000;
const TESTS_LIMIT_MS = 30 * 60_000;
const build = ".build/node";
const node = process.env["MENDER_DENO_NODE"] ?? "node";

const { code: nodeCode, output: version } = await runProgram(node, ["--version"], { isQuiet: true })
  .catch(() => ({ code: 1, output: "" }));
const major = Number(/^v(\d+)/.exec(version)?.[1] ?? 0);
if (nodeCode !== 0 || major < OLDEST_NODE) {
  console.log(
    `Cannot run the tests on Node: wanted ${OLDEST_NODE} or newer, found ${
      version.trim() || "none"
    }`,
  );
  console.log("  Name a binary with MENDER_DENO_NODE, for example of the npm package node@20");
  process.exit(1);
}
console.log(`Node ${version.trim()}`);

await buildForNode();
const report = join(build, "report.xml");
rmSync(report, { force: true });
const files = FOLDERS.flatMap((folder) => filesBelow(join(build, folder), "_test.js"));
const { code } = await runProgram(node, [
  "--enable-source-maps",
  "--test",
  `--test-timeout=${FILE_LIMIT_MS}`,
  "--test-reporter=spec",
  "--test-reporter-destination=stdout",
  "--test-reporter=junit",
  `--test-reporter-destination=${report}`,
  ...files,
], { limitMs: TESTS_LIMIT_MS });
printSum(totalsOfRun(code, report));

async function buildForNode(): Promise<void> {
  for (const folder of ["lib", "cli", "tests", "scripts"]) {
    rmSync(join(build, folder), { recursive: true, force: true });
  }
  mkdirSync(build, { recursive: true });
  const sources = [
    "mod.ts",
    ...["lib", "cli", "tests", "scripts/gate", "scripts/examples"].flatMap((folder) =>
      filesBelow(folder, ".ts")
    ),
  ];
  await must(process.execPath, [
    "transpile",
    "--no-check",
    "--source-map",
    "inline",
    "--outdir",
    build,
    ...sources,
  ]);
  for (const file of [join(build, "mod.js"), ...filesBelow(build, ".js")]) {
    if (!file.includes("node_modules")) pointAtJavaScript(file);
  }
  cpSync("tests/data", join(build, "tests/data"), { recursive: true });
  cpSync("scripts/service", join(build, "scripts/service"), { recursive: true });
  installDependencies();
  await must("npm", [
    "install",
    "--prefix",
    build,
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--silent",
  ]);
}

function pointAtJavaScript(file: string): void {
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/(["'])(\.{1,2}\/[^"'\n]+)\.ts\1/g, "$1$2.js$1"));
}

function installDependencies(): void {
  const { imports, version } = JSON.parse(readFileSync("deno.json", "utf8")) as {
    imports: Record<string, string>;
    version: string;
  };
  const dependencies = Object.fromEntries(
    Object.entries(imports).map((
      [name, target],
    ) => [name, target.slice(target.lastIndexOf("@") + 1)]),
  );
  const manifest = {
    name: "mender-deno-tests",
    version,
    private: true,
    type: "module",
    dependencies,
  };
  writeFileSync(join(build, "package.json"), JSON.stringify(manifest, null, 2));
}

async function must(command: string, args: readonly string[]): Promise<void> {
  const { code, output } = await runProgram(command, args, {
    isQuiet: true,
    limitMs: BUILD_LIMIT_MS,
  });
  if (code === 0) return;
  console.log(output);
  throw new Error(`Cannot build for Node: ${command} ended with ${code}`);
}

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending) && !name.includes("node_modules"))
    .map((name) => join(folder, name))
    .sort();
}
