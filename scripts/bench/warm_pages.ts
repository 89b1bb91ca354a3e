import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BLOCK = new Uint8Array(4 << 20).fill(1);

/**
 * Writes and deletes a file, so that the pages that are written to next are at hand. On a virtual machine
 * a page that is touched for the first time in a while costs several times the copy into it, whoever
 * writes; it would be counted for whoever comes first.
 */
export function warmPages(sizeBytes: number): void {
  const dir = mkdtempSync(join(tmpdir(), "mender-deno-pages-"));
  const file = openSync(join(dir, "pages"), "w");
  for (let written = 0; written < sizeBytes; written += BLOCK.length) writeSync(file, BLOCK);
  closeSync(file);
  rmSync(dir, { recursive: true });
}
