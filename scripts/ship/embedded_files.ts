import { readFileSync } from "node:fs";

type Entry =
  | { readonly File: { readonly n: string } }
  | { readonly Symlink: { readonly n: string } }
  | { readonly Dir: { readonly n: string; readonly e: readonly Entry[] } };

/**
 * Paths of all files that `deno compile` has embedded, read from the directory that it puts into the
 * executable.
 */
export function embeddedFiles(executable: string): string[] {
  const bytes = readFileSync(executable);
  const known = bytes.indexOf('{"File":{"n":"run_command_line.ts"');
  if (known < 0) throw new Error(`Cannot find the embedded files of ${executable}`);
  // It is one line of JSON, between bytes that may look like text.
  let first = known;
  while ((bytes[first - 1] ?? 0) >= 0x20) first--;
  const text = bytes.subarray(bytes.indexOf("[{", first), known + MAX_BYTES).toString("latin1");
  return pathsOf(JSON.parse(text.slice(0, endOfList(text))), "");
}

/** More than the directory ever takes. */
const MAX_BYTES = 4 << 20;

/** Where the list ends that a text begins with; brackets in names do not count. */
function endOfList(text: string): number {
  let depth = 0;
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]]/g)) {
    if (match[0] === "[") depth++;
    if (match[0] === "]" && --depth === 0) return match.index + 1;
  }
  throw new Error("Cannot read the embedded files: their list has no end");
}

function pathsOf(entries: readonly Entry[], above: string): string[] {
  return entries.flatMap((entry) => {
    if ("Dir" in entry) return pathsOf(entry.Dir.e, `${above}${entry.Dir.n}/`);
    return [above + ("File" in entry ? entry.File.n : entry.Symlink.n)];
  });
}
