import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { inTemporaryDirectory } from "./temporary.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** `.ts` where the sources are run as they are, `.js` where they were turned into JavaScript. */
export const ENDING = import.meta.url.endsWith(".ts") ? ".ts" : ".js";

/** A mistake in the sources that tests must find. */
export interface Mutation {
  /** What is wrong then. */
  readonly name: string;
  /** The source, without its ending. */
  readonly file: string;
  /** Makes the mistake. */
  readonly change: (source: string) => string;
}

/** A copy of the sources that may be changed. */
export class SourceCopy {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Makes a mistake. */
  mutate({ file, change }: Mutation): void {
    const path = join(this.#directory, file + ENDING);
    const source = readFileSync(path, "utf8");
    const mutated = change(source);
    assert.notEqual(mutated, source, "the mutation does not fit the source any more");
    writeFileSync(path, mutated);
  }

  /** Runs this program again in the copy; gives its exit code and all that it said. */
  run(
    args: readonly string[],
    timeoutMs: number,
    env: Readonly<Record<string, string>> = {},
  ): { status: number | null; said: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: this.#directory,
      encoding: "utf8",
      timeout: timeoutMs,
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
    });
    return { status, said: stdout + stderr };
  }
}

/** Runs a test body with a copy of some folders, and of what they need to run. */
export function inSourceCopy(
  folders: readonly string[],
  body: (copy: SourceCopy) => void,
): Promise<void> {
  return inTemporaryDirectory((directory) => {
    for (const folder of folders) {
      // What is a link here must not be changed through it.
      cpSync(join(ROOT, folder), join(directory, folder), { recursive: true, dereference: true });
    }
    for (const name of ["deno.json", "deno.lock", "package.json"]) {
      if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(directory, name));
    }
    const modules = join(ROOT, "node_modules");
    if (existsSync(modules)) symlinkSync(modules, join(directory, "node_modules"));
    body(new SourceCopy(directory));
  });
}
