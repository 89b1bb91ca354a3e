import type { BadInputChapter } from "./bad_input.ts";
import { type Played, rowName, rowsOf } from "./play.ts";

/** A row as the page has it. */
export function pageRow(
  [input, line]: readonly [string, string],
  { end, text }: Played,
): readonly string[] {
  return [input, code(line), String(end.code), text === "" ? "" : code(text)];
}

/** What runs of blanks and backticks would become in a page stays as it is. */
function code(text: string): string {
  return `\`${text.replaceAll("`", "'")}\``;
}

/** The cells of every row that a page has, by the names of its row. */
export function rowsOfPage(page: string): Map<string, readonly string[]> {
  const rows = new Map<string, readonly string[]>();
  let title = "";
  for (const line of page.split("\n")) {
    if (line.startsWith("## ")) title = line.slice(3);
    if (!line.startsWith("| ") || /^\| (?:Input|-)/.test(line)) continue;
    const cells = line.slice(1, -1).split(/(?<!\\)\|/).map((cell) =>
      cell.trim().replaceAll("\\|", "|")
    );
    rows.set(`${title}: ${cells[0]}: ${cells[1]}`, cells);
  }
  return rows;
}

/** The key of a row in {@link rowsOfPage}. */
export function rowKey(chapter: BadInputChapter, name: readonly [string, string]): string {
  return `${chapter.title}: ${name[0]}: ${code(name[1])}`;
}

/** Keys of all rows of chapters. */
export function rowKeys(chapters: readonly BadInputChapter[]): string[] {
  return chapters.flatMap((chapter) =>
    rowsOf(chapter).map(([input, row]) => rowKey(chapter, rowName(input, row)))
  );
}
