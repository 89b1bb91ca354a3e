/**
 * What a command loads. A module that is imported too early slows every start on a device and stays in the
 * memory of a daemon, and nothing else tells of it: whoever needs more says so here.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { withRig } from "../support/client_rig.ts";
import { REPOSITORY } from "../support/repository_text.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { withServer } from "../support/with_server.ts";

/** Folders of `lib` that every command stands on, and the packages that read most command lines. */
const BASE = ["config", "core", "log", "runtime", "store"];
const READER = ["@commander-js/extra-typings", "commander"];
/** Modules of Node's stay in the memory of a daemon: there is none in it while it has nothing to do. */
const NODE = /from "node:/;

const MAIN = join(REPOSITORY, "cli/main.ts");

/** The D-Bus library, and what it needs in turn. */
const BUS = [
  ...["@particle/dbus-next", "@nornagon/put", "jsbi", "long", "safe-buffer", "sax", "xml2js"],
  "xmlbuilder",
];

/** What a command may load besides. */
const COMMANDS: readonly {
  readonly line: readonly string[];
  readonly folders: readonly string[];
  readonly packages: readonly string[];
  /** Its line is read without those packages, and it stands on nothing of Node's. */
  readonly isLean?: true;
}[] = [
  { line: ["show-artifact"], folders: [], packages: [] },
  { line: ["show-provides"], folders: [], packages: [] },
  { line: ["check-config"], folders: [], packages: [] },
  { line: ["bootstrap"], folders: ["keys"], packages: [] },
  { line: ["status"], folders: ["daemon", "deployment"], packages: [] },
  // Without a deployment, and so without a server.
  { line: ["report", "--success"], folders: ["daemon", "deployment"], packages: [], isLean: true },
  {
    line: ["daemon", "--once"],
    folders: ["api", "control", "daemon", "deployment", "device", "identity", "keys"],
    packages: [],
    isLean: true,
  },
  {
    line: ["flow", "set", "--once"],
    folders: ["control", "dbus", "flow"],
    packages: BUS,
  },
];

for (const { line, folders, packages, isLean } of COMMANDS) {
  test(`${line.join(" ")} loads nothing that others need`, () =>
    withServer({ autoAccept: true }, (server) =>
      withRig({ serverUrl: server.url }, async (rig) => {
        // A first start makes a key, which takes more.
        await run(["run", "-q", "-A", MAIN, "--root", rig.root, "bootstrap"]);
        const urls = await modulesOf(rig.root, line);
        const own = names(urls, /\/lib\/([^/]+)\/[^?]*\.ts$/);
        const npm = names(urls, /\/npm\/[^/]+\/((?:@[^/]+\/)?[^/@]+)\//);
        const beyond = (found: readonly string[], allowed: readonly string[]): string[] =>
          [...new Set(found)].filter((name) => !allowed.includes(name)).sort();
        assert.ok(own.includes("core"), urls.join("\n"));
        assert.equal(npm.includes("commander"), isLean !== true, urls.join("\n"));
        assert.deepEqual(beyond(own, [...BASE, ...folders]), []);
        assert.deepEqual(beyond(npm, [...READER, ...packages]), []);
        if (isLean === true) assert.deepEqual(urls.filter(usesNode), []);
      })));
}

test("--version is told without the rest of the program, which is not even looked at", () =>
  inTemporaryDirectory(async (dir) => {
    for (
      const path of [
        "deno.json",
        "cli/main.ts",
        "lib/core/version.ts",
        "lib/runtime/raw_arguments.ts",
      ]
    ) {
      cpSync(join(REPOSITORY, path), join(dir, path));
    }
    const main = join(dir, "cli/main.ts");
    assert.match(await run(["run", "-q", "--no-prompt", main, "--version"]), /^mender-deno \d/);
    // With anything else it cannot go on from here.
    assert.match(await run(["run", "-q", "-A", main, "daemon"]), /claim_signals\.ts/);
  }));

/** Types alone are gone when a module runs. */
function usesNode(url: string): boolean {
  if (!url.includes("/lib/") && !url.includes("/cli/")) return false;
  const text = readFileSync(new URL(url), "utf8");
  return text.split(/^(?=import )/m).some((part) => NODE.test(part) && !/^import type /.test(part));
}

function names(urls: readonly string[], pattern: RegExp): string[] {
  return urls.flatMap((url) => pattern.exec(url)?.[1] ?? []);
}

/** URLs of the modules that a command line has evaluated. */
async function modulesOf(root: string, line: readonly string[]): Promise<string[]> {
  const coverage = join(root, "coverage");
  const said = await run([
    "run",
    "-q",
    "-A",
    `--coverage=${coverage}`,
    MAIN,
    "--root",
    root,
    ...line,
  ]);
  const urls = readdirSync(coverage, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => JSON.parse(readFileSync(join(coverage, name), "utf8")).url as string);
  assert.ok(urls.length > 0, said);
  return urls;
}

/** What Deno says with some arguments, whether it ends well or not. */
function run(args: readonly string[]): Promise<string> {
  // No bus is needed: the library is loaded before it is found that there is none.
  const env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent", NO_COLOR: "1" };
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      args,
      { env, timeout: 60_000 },
      (_, stdout, stderr) => resolve(stdout + stderr),
    )
  );
}
