import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectDirectory } from "../../lib/runtime/project_directory.ts";

const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/**
 * Copies the program for a device that has boots of its own: its helper script reads the boot ID from a
 * file, in the place of the kernel's. Nothing else is different.
 *
 * @returns The main module of the copy.
 * @throws {Error} The script does not read the boot ID any more.
 */
export function copyProgram(directory: string, bootIdFile: string): URL {
  const project = projectDirectory();
  for (const name of ["cli", "lib", "deno.json", "deno.lock", "scripts/service"]) {
    cpSync(join(project, name), join(directory, name), { recursive: true });
  }
  const modules = join(project, "node_modules");
  if (existsSync(modules)) symlinkSync(modules, join(directory, "node_modules"));
  const script = join(directory, "scripts/service/process_identity.sh");
  const text = readFileSync(script, "utf8");
  if (!text.includes(BOOT_ID)) throw new Error(`${script} reads no boot ID`);
  writeFileSync(script, text.replaceAll(BOOT_ID, bootIdFile));
  return pathToFileURL(join(directory, "cli/main.ts"));
}
