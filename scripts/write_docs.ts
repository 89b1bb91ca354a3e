/**
 * Writes the pages that are made from tables of the code. `--check` writes nothing and fails when a
 * page is not what it should be.
 *
 * Run: `deno run -A scripts/write_docs.ts [--check]`
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { configurationPage } from "./docs/configuration_page.ts";
import { manualPage } from "./docs/manual_page.ts";

const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  "docs/configuration.md": configurationPage,
  "docs/mender-deno.1": manualPage,
};

const isCheck = process.argv.includes("--check");

for (const [path, page] of Object.entries(PAGES)) {
  const text = await page();
  if (!isCheck) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.log(`${path} is not up to date: run deno run -A scripts/write_docs.ts`);
    process.exitCode = 1;
  }
}
