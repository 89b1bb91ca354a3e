import { dirname } from "../../core/posix_path.ts";
import type { FileDriver } from "./file_driver.ts";

/**
 * Moves a file that cannot be understood out of the way, durably, to `<path>.corrupt-<n>` with the
 * lowest n that is free: what is lost for the program may still be wanted by a person.
 *
 * @returns The new path.
 * @throws The runtime's error (`EROFS`, `EACCES` ...); the file then stands where it stood.
 */
export function setAside(files: FileDriver, path: string): string {
  let n = 1;
  while (files.stat(`${path}.corrupt-${n}`) !== undefined) n++;
  const aside = `${path}.corrupt-${n}`;
  files.rename(path, aside);
  files.syncDirectory(dirname(path));
  return aside;
}
