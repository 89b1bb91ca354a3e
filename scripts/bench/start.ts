/**
 * How long a command takes that does next to nothing, as a ratio to what the bare runtime takes for a line
 * of output, turn by turn in one run. Targets: `--version` 1.2; `show-artifact` and `report` 2, beside what
 * the CLI library takes. Nothing here passes or fails.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { spread } from "../gate/spread.ts";
import type { BenchRow } from "./row.ts";

/** Time of one kind of start, in milliseconds. */
export interface StartFigure {
  readonly name: string;
  readonly ms: ReturnType<typeof spread>;
  /** Median in relation to that of the bare runtime. */
  readonly ratio: number;
}

const HELLO = 'console.log("hello");\n';
const LIBRARY = `import { Command } from "npm:@commander-js/extra-typings@14.0.0";
new Command("hello").option("-a", "b").action(() => console.log("hello")).parse([], { from: "user" });
`;

/** Measures all of them, `runs` times in turn. */
export function measureStarts(runs: number): StartFigure[] {
  const directory = mkdtempSync(join(tmpdir(), "mender-deno-start-"));
  try {
    const file = (path: string, text: string): string => {
      mkdirSync(join(directory, path, ".."), { recursive: true });
      writeFileSync(join(directory, path), text);
      return join(directory, path);
    };
    file("root/etc/mender/artifact_info", "artifact_name=release-1\n");
    file("root/etc/mender/mender.conf", '{"ServerURL":"http://127.0.0.1:9"}');
    const main = resolve("cli/main.ts");
    const device = [`--root=${join(directory, "root")}`];
    const run = ["run", "-q", "-A"];
    const lines: readonly (readonly [name: string, args: readonly string[]])[] = [
      ["bare runtime, hello", [...run, file("hello.js", HELLO)]],
      ["CLI library, hello", [...run, file("library.js", LIBRARY)]],
      ["--version", [...run, main, "--version"]],
      ["show-artifact", [...run, main, "show-artifact", ...device]],
      // No deployment is in progress: it says so, once it has read what there is.
      ["report --success", [...run, main, "report", "--success", ...device]],
    ];
    const times = lines.map((): number[] => []);
    for (let round = -1; round < runs; round++) {
      for (const [at, [, args]] of lines.entries()) {
        const before = performance.now();
        spawnSync(process.execPath, args, { stdio: "ignore" });
        if (round >= 0) times[at]!.push(performance.now() - before); // the first fills the caches
      }
    }
    const bare = spread(times[0]!).median;
    return lines.map(([name], at) => {
      const ms = spread(times[at]!);
      return { name, ms, ratio: ms.median / bare };
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Starts, beside the bare runtime. */
export const startRow: BenchRow = {
  name: "start",
  title: "commands that do next to nothing, beside a line of output of the bare runtime",
  defaultRuns: 15,
  run(runs) {
    for (const { name, ms, ratio } of measureStarts(runs)) {
      const { min, median, max } = ms;
      console.log(
        `${name}: ${median.toFixed(0)} ms (${min.toFixed(0)} to ${max.toFixed(0)}), ` +
          `${ratio.toFixed(2)} × hello`,
      );
    }
    return Promise.resolve();
  },
};
