import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** Where the compiled modules lie: as deep as the sources, so that each finds its project from there. */
const COMPILED = "lib/program";

const MAIN = `// Compiled from cli/ and lib/ of the sources, with everything else that it imports.
import "../${COMPILED}/main.js";
`;

/**
 * Compiles the program to few modules, in JavaScript and without comments. They take a device less memory
 * than some four hundred in TypeScript, of which Deno keeps what is written, what it compiles that to, and a
 * map between both. What is imported only while the program runs stays a module of its own.
 *
 * @param from Directory with the sources, `deno.json`, and packages in `node_modules`.
 * @param to Directory that gets `cli/main.js` and what it imports; it has the same `deno.json` and packages.
 * @param packages Their names: they stay what they are, with their licences.
 */
export function compileProgram(from: string, to: string, packages: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [
    ...["bundle", "--quiet", "--platform", "deno", "--minify", "--code-splitting"],
    ...["../../deno.json", ...packages].flatMap((name) => ["--external", name]),
    ...["--outdir", join(to, COMPILED), "cli/main.ts"],
  ], { cwd: from, encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot compile the program:\n${stdout}${stderr}`);
  mkdirSync(join(to, "cli"), { recursive: true });
  writeFileSync(join(to, "cli/main.js"), MAIN);
}
