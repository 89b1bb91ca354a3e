/**
 * Runs the same tests on Node, against the package as it is installed: the tarball is built and
 * installed below `.build/node`, the tests are turned into JavaScript beside it, and what they import of
 * `lib`, `cli` and `mod` is the installed one. `MENDER_DENO_NODE` names the binary; else `node` on the
 * PATH is used. Arguments are folders or files of tests, in place of all.
 */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { totalsOfRun } from "./gate/junit.ts";
import { runProgram } from "./gate/run_program.ts";
import { printSum } from "./gate/sum.ts";
import { buildPackage } from "./npm/build_package.ts";
import { importedPackages } from "./npm/dependencies.ts";

const OLDEST_NODE = 20;
const FOLDERS = [
  "tests/unit",
  "tests/fuzz",
  "tests/integration",
  "tests/faults",
  "tests/peers",
  "tests/package",
];
/** What is not run here, and why. */
const EXCEPTIONS = [
  "tests/faults/matrix: a thousand plays against one clock, and changed sources; some by MENDER_DENO_ROWS",
  "tests/deno: permission sets, and pages that scripts write on Deno",
  "tests/ship: the bundle and the executable, which have Deno in them",
];
const FILES_AT_ONCE = 3;
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
for (const exception of EXCEPTIONS) console.log(`not run on Node: ${exception}`);
const wanted = process.argv.length > 2 ? process.argv.slice(2) : FOLDERS;
const files = wanted.flatMap((path) =>
  path.endsWith(".ts")
    ? [join(build, path.replace(/\.ts$/, ".js"))]
    : filesBelow(join(build, path), "_test.js").filter((file) => !file.includes("/faults/matrix/"))
);
const { code } = await runProgram(node, [
  "--enable-source-maps",
  "--test",
  // Tests mostly wait: for programs, peers and time limits.
  `--test-concurrency=${FILES_AT_ONCE}`,
  `--test-timeout=${FILE_LIMIT_MS}`,
  "--test-reporter=spec",
  "--test-reporter-destination=stdout",
  "--test-reporter=junit",
  `--test-reporter-destination=${report}`,
  ...files,
], { limitMs: TESTS_LIMIT_MS });
printSum(totalsOfRun(code, report));

async function buildForNode(): Promise<void> {
  for (const path of ["lib", "cli", "mod.js", "tests", "scripts", "node_modules/mender-deno"]) {
    rmSync(join(build, path), { recursive: true, force: true });
  }
  mkdirSync(build, { recursive: true });
  const sources = ["tests", "scripts/gate", "scripts/examples", "scripts/npm"].flatMap((folder) =>
    filesBelow(folder, ".ts")
  );
  await must(process.execPath, [
    "transpile",
    "--no-check",
    "--source-map",
    "inline",
    "--outdir",
    build,
    ...sources,
  ]);
  for (const file of filesBelow(build, ".js")) pointAtJavaScript(file);
  cpSync("tests/data", join(build, "tests/data"), { recursive: true });
  await install(buildPackage(join(build, "package")));
  // The installed package is what the tests see where the sources are.
  for (const path of ["lib", "cli", "mod.js", "scripts/service"]) {
    const depth = "../".repeat(path.split("/").length - 1);
    symlinkSync(`${depth}node_modules/mender-deno/${path}`, join(build, path));
  }
}

function pointAtJavaScript(file: string): void {
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/(["'])(\.{1,2}\/[^"'\n]+)\.ts\1/g, "$1$2.js$1"));
}

/** Installs the tarball, and beside it the packages that tests use. */
async function install(tarball: string): Promise<void> {
  const manifest = {
    name: "mender-deno-tests",
    private: true,
    type: "module",
    dependencies: { ...importedPackages(), "mender-deno": `file:${tarball}` },
  };
  writeFileSync(join(build, "package.json"), JSON.stringify(manifest, null, 2));
  // It has the tarball's checksum, and with it a tarball of before.
  rmSync(join(build, "package-lock.json"), { force: true });
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
