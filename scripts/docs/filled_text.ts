const WIDTH = 100;

/**
 * Breaks one paragraph into lines as the formatter does: at most 100 characters, no break inside code.
 *
 * @param indent Put before every line but the first, for items of a list.
 */
export function filledText(text: string, indent = ""): string {
  const words = text.match(/(?:`[^`]*`|[^\s`])+/g) ?? [];
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = indent + word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}
