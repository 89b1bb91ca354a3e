import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Root of the checkout; the sources of a build for Node lie some levels deeper than the originals. */
export const REPOSITORY: string = findRepository(dirname(fileURLToPath(import.meta.url)));

/** The text of a file of the checkout. */
export function repositoryText(path: string): string {
  return readFileSync(join(REPOSITORY, path), "utf8");
}

/** Paths of the files below a folder of the checkout that end so, sorted. */
export function repositoryFiles(folder: string, ending: string): string[] {
  return readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .sort();
}

function findRepository(start: string): string {
  for (let folder = start; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, "deno.json"))) return folder;
  }
  throw new Error(`Cannot find the checkout above ${start}`);
}
