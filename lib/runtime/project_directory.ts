import { dirname, join } from "../core/posix_path.ts";
import { filePathOf } from "./file_path_of.ts";

/**
 * Where a compiled executable has its helper scripts: what is embedded in it can be read, but the system
 * cannot start it.
 */
export const EXECUTABLE_HOME = "/usr/lib/mender-deno";

/** Where the program's modules are, as the permission sets name it. */
export const PROGRAM_MODULES: readonly string[] = ["./cli", "./deno.json", "./lib"];

/** Whether this program is a compiled executable, which is its own runtime. */
export function isExecutable(): boolean {
  return "Deno" in globalThis && Deno.build.standalone === true;
}

/** Directory of the checkout, the bundle or the package that this program is part of. */
export function projectDirectory(): string {
  if (isExecutable()) return EXECUTABLE_HOME;
  return dirname(dirname(dirname(filePathOf(import.meta.url))));
}

/**
 * What a command must be allowed to read on Deno: the modules that it loads while it runs. Those that it
 * starts with need no such right.
 */
export function programModules(): string[] {
  return PROGRAM_MODULES.map((path) => join(projectDirectory(), path));
}
