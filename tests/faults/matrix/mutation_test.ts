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
  /** Rows of which one must fail. */
  readonly rows: string;
}

/** Mistakes that the matrix must find. */
const MUTATIONS: readonly Mutation[] = [
  {
    name: "checksums are not compared",
    file: "lib/artifact/payload_reader",
    change: (source) => source.replace(/(export function checkSha256\([^{]*\{)/, "$1 return;"),
    rows: "a byte of the Artifact is wrong, always",
  },
  {
    name: "the status of an answer is not looked at",
    file: "lib/download/judge_answer",
    change: (source) => source.replace("if (status === 200) return", "if (status !== 206) return"),
    rows: "artifact is answered (403|410|503)$",
  },
  {
    name: "Content-Range is not looked at",
    file: "lib/download/judge_answer",
    change: (source) =>
      source.replace(
        /(function judgePart\(.*\n)/,
        '$1  return { do: "take", skip: 0, version: known };\n',
      ),
    rows: "the rest: begins be(fore|hind)",
  },
  {
    name: "a redirect to a file is followed",
    file: "lib/download/open_link",
    change: (source) => source.replace('target.protocol !== "http:" &&', "false &&"),
    rows: "redirects to a `file:` address",
  },
  {
    name: "a redirect takes the token to another server",
    file: "lib/api/exchange",
    change: (source) => source.replace("target.origin !== origin", "false"),
    rows: "redirects to another server",
  },
  {
    name: "a download is not ended by silence",
    file: "lib/download/resumable_download",
    change: (source) => source.replace("STALL_LIMIT_MS = 30_000", "STALL_LIMIT_MS = 30_000_000"),
    rows: "silence in the middle",
  },
];

/** They change sources, which Node runs as a package. */
const ON_DENO = "Deno" in globalThis ? {} : { skip: "sources are changed on Deno" };

for (const { name, file, change, rows } of MUTATIONS) {
  test(`fault matrix: fails when ${name}`, async () => {
    await inTemporaryDirectory((directory) => {
      copySources(directory);
      const path = join(directory, file + ENDING);
      const source = readFileSync(path, "utf8");
      const mutated = change(source);
      assert.notEqual(mutated, source, "the mutation does not fit the source any more");
      const sane = runMatrix(directory, rows);
      assert.equal(sane.status, 0, sane.said);
      writeFileSync(path, mutated);
      const { status, said } = runMatrix(directory, rows);
      assert.notEqual(status, 0, said);
      // It is a row that fails, not the copy.
      assert.match(said, /row failed: /);
    });
  }, { limitMs: 300_000, ...ON_DENO });
}

function copySources(directory: string): void {
  for (const folder of ["lib", "cli", "scripts/service", "docs", "tests/support", "tests/faults"]) {
    if (!existsSync(join(ROOT, folder))) continue;
    // What is a link here must not be changed through it.
    cpSync(join(ROOT, folder), join(directory, folder), { recursive: true, dereference: true });
  }
  for (const name of ["deno.json", "deno.lock", "package.json"]) {
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(directory, name));
  }
  if (!existsSync(join(directory, "deno.json"))) writeFileSync(join(directory, "deno.json"), "{}");
  const modules = join(ROOT, "node_modules");
  if (existsSync(modules)) symlinkSync(modules, join(directory, "node_modules"));
}

function runMatrix(directory: string, rows: string): { status: number | null; said: string } {
  const file = `tests/faults/matrix/matrix_test${ENDING}`;
  const args = isDeno ? ["test", "-A", "--no-check", "--quiet", file] : ["--test", file];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: directory,
    encoding: "utf8",
    timeout: 120_000,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, MENDER_DENO_ROWS: rows },
  });
  return { status, said: stdout + stderr };
}
