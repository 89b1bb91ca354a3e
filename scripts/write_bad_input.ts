/**
 * Writes `docs/bad_input.md`: plays every bad input of `tests/integration/bad_input`, and notes how it ended.
 * What it must be is in those tables; `tests/integration/bad_input_test.ts` compares both.
 *
 * Run: `deno run -A scripts/write_bad_input.ts`
 */
import { writeFileSync } from "node:fs";
import { CHAPTERS } from "../tests/integration/bad_input/chapters.ts";
import { pageRow } from "../tests/integration/bad_input/page.ts";
import { play, rowName, rowsOf } from "../tests/integration/bad_input/play.ts";
import { filledText } from "./docs/filled_text.ts";
import { markdownTable } from "./docs/markdown_table.ts";

const parts = [
  "# Bad input",
  "<!-- Written by scripts/write_bad_input.ts from tests/integration/bad_input; change it there. -->",
  filledText(
    `What each command says to what is wrong, and how it ends: 0 done, 1 failed, 2 the command line is
    wrong, 3 recorded and not yet delivered. Every row is played by a test. A part that changes is
    written as …, a further line behind a slash; paths are those of the device. Lines of the log that
    only inform are left out. What to do about a message is in [Troubleshooting](troubleshooting.md).`,
  ),
];
for (const chapter of CHAPTERS) {
  const rows: (readonly string[])[] = [];
  for (const [input, row] of rowsOf(chapter)) {
    rows.push(pageRow(rowName(input, row), await play(input, row)));
  }
  const table = markdownTable(["Input", "Command", "Exit", "Standard error"], rows);
  parts.push(`## ${chapter.title}`, filledText(chapter.about), table);
}
writeFileSync("docs/bad_input.md", parts.join("\n\n") + "\n");
