import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Where a compiled executable has its helper scripts: what is embedded in it can be read, but the system
 * cannot start it.
 */
export const EXECUTABLE_HOME = "/usr/lib/mender-deno";

/** Whether this program is a compiled executable, which is its own runtime. */
export function isExecutable(): boolean {
  return "Deno" in globalThis && Deno.build.standalone === true;
}

/** Directory of the checkout, the bundle or the package that this program is part of. */
export function projectDirectory(): string {
  if (isExecutable()) return EXECUTABLE_HOME;
  return dirname(dirname(dirname(fileURLToPath(import.meta.url))));
}
