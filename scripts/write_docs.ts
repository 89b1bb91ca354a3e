/**
 * Writes the pages that are made from tables of the code. `--check` writes nothing and fails when a
 * page is not what it should be.
 *
 * Run: `deno run --allow-read --allow-write=docs scripts/write_docs.ts [--check]`
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { configurationPage } from "./docs/configuration_page.ts";

const PAGES: Readonly<Record<string, () => string>> = {
  "docs/configuration.md": configurationPage,
};

const isCheck = process.argv.includes("--check");

for (const [path, page] of Object.entries(PAGES)) {
  if (!isCheck) writeFileSync(path, page());
  else if (readFileSync(path, "utf8") !== page()) {
    console.log(`${path} is not up to date: run deno run -A scripts/write_docs.ts`);
    process.exitCode = 1;
  }
}
