import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Writes an executable shell script, and returns its path. */
export function writeScript(path: string, body: string, mode = 0o755): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode });
  return path;
}
