import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { inTemporaryDirectory } from "../../tests/support/temporary.ts";
import { printFigure, printTarget, ratioOf } from "./figures.ts";
import { pythonClient, pythonClientPeer } from "./python_client.ts";
import type { BenchRow } from "./row.ts";

const HELLO = 'console.log("hello");\n';
const LIBRARY = `import { Command } from "npm:commander@14.0.3";
new Command("hello").option("-a", "b").action(() => console.log("hello")).parse([], { from: "user" });
`;

/** One kind of start. */
interface Start {
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly ms: number[];
}

/** Commands that do next to nothing, beside a line of output of the bare runtime. */
export const startRow: BenchRow = {
  name: "start",
  title: "commands that do next to nothing, beside a line of output of the bare runtime",
  defaultRuns: 21,
  run: (runs) =>
    inTemporaryDirectory((directory) => {
      measureAll(directory, runs);
      return Promise.resolve();
    }),
};

function measureAll(directory: string, runs: number): void {
  const file = (path: string, text: string): string => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
    return join(directory, path);
  };
  file("root/etc/mender/artifact_info", "artifact_name=release-1\n");
  file("root/etc/mender/mender.conf", '{"ServerURL":"http://127.0.0.1:9"}');
  const deno = (name: string, ...args: string[]): Start => ({
    name,
    command: [process.execPath, "run", "-q", "-A", ...args],
    ms: [],
  });
  const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
  const device = `--root=${join(directory, "root")}`;
  const hello = deno("bare runtime, hello", file("hello.js", HELLO));
  const library = deno("bare runtime, hello by the CLI library", file("library.js", LIBRARY));
  const version = deno("--version", main, "--version");
  const artifact = deno("show-artifact", main, "show-artifact", device);
  // No deployment is in progress: it says so, once it has read what there is.
  const report = deno("report --success, no deployment", main, "report", "--success", device);
  file("data/device_type", "device_type=box\n");
  const python: Start = {
    name: "mender-python-client show-artifact",
    ...pythonClient(join(directory, "data"), "show-artifact"),
    ms: [],
  };
  const { skip } = pythonClientPeer();
  const starts = [
    hello,
    library,
    version,
    artifact,
    report,
    ...(skip === undefined ? [python] : []),
  ];
  for (let round = -1; round < runs; round++) {
    for (const { command: [program = "", ...args], cwd, ms } of starts) {
      const before = performance.now();
      spawnSync(program, args, { stdio: "ignore", ...(cwd !== undefined && { cwd }) });
      if (round >= 0) ms.push(performance.now() - before); // the first fills the caches
    }
  }
  for (const { name, ms } of starts) printFigure(name, ms, "ms");
  if (skip !== undefined) console.log(`  skipped: ${python.name} (${skip})`);
  printTarget("--version / hello", ratioOf(version.ms, hello.ms), { atMost: 1.2 });
  for (const { name, ms } of [artifact, report]) {
    printTarget(`${name} / hello by the CLI library`, ratioOf(ms, library.ms), { atMost: 2 });
    if (skip !== undefined) continue;
    printTarget(`${name} / ${python.name}`, ratioOf(ms, python.ms), { atMost: 0.45 });
  }
}
