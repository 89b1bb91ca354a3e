import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { REPOSITORY, repositoryText } from "../../support/repository_text.ts";
import { test } from "../../support/test.ts";
import { GROUPS } from "./groups.ts";
import { type Played, playGroups } from "./matrix.ts";
import { faultsPage } from "./page.ts";

const PAGE = "docs/faults.md";
/** Rows to play; the page is compared only when all are. */
const wanted = process.env["MENDER_DENO_ROWS"];

test(
  "fault matrix: every fault ends in success or a reported failure, and the next deployment works",
  async () => {
    const start = performance.now();
    const played = await playGroups(GROUPS, new RegExp(wanted ?? "."));
    const failed = played.filter(({ error }) => error !== undefined);
    const seconds = Math.round((performance.now() - start) / 1000);
    console.log(
      `fault matrix: ${played.length} rows in ${seconds} s, ${failed.length} failed; http and https`,
    );
    assert.ok(played.length > 0, "no row is wanted");
    for (const each of failed) console.log(describe(each));
    assert.deepEqual(failed.map(nameOf), []);
    if (wanted !== undefined) return assertLinesKept(played);
    const page = faultsPage(played);
    if (process.env["MENDER_DENO_WRITE_FAULTS"] !== undefined) {
      writeFileSync(join(REPOSITORY, PAGE), page);
    }
    // How each row ends was checked when it was played. What is told on the way is up to the speed of
    // the machine: of the page, its parts are compared.
    assert.deepEqual(
      headingsOf(page),
      headingsOf(repositoryText(PAGE)),
      "docs/faults.md says something else; deno task docs:faults writes it anew",
    );
  },
  { limitMs: 1_200_000, leaks: "the sub-updater outlives its client" },
);

function headingsOf(page: string): string[] {
  return page.split("\n").filter((line) => line.startsWith("## "));
}

function describe(played: Played): string {
  const { error } = played;
  return `${nameOf(played)}: ${error instanceof Error ? error.message : error}`;
}

function nameOf({ row, scheme }: Played): string {
  return `row failed: ${row.fault} (${scheme})`;
}

/** Of some rows alone, those that have a line of their own are compared. */
function assertLinesKept(played: readonly Played[]): void {
  const kept = new Set(repositoryText(PAGE).split("\n"));
  const lines = faultsPage(played.filter(({ row }) => row.family === undefined)).split("\n");
  const others = lines.filter((line) => line.startsWith("| ") && !kept.has(line));
  assert.deepEqual(others.map((line) => `row failed: ${line}`), []);
}
