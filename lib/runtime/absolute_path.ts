import { absolute } from "../core/posix_path.ts";

/** A path as seen from the root; a relative one is meant from the current directory. */
export function absolutePath(path: string): string {
  return absolute(path, workingDirectory);
}

function workingDirectory(): string {
  if ("Deno" in globalThis) return Deno.cwd();
  return (globalThis as unknown as { process: { cwd(): string } }).process.cwd();
}
