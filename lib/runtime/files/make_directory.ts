import { errnoOf } from "./file_driver.ts";

/**
 * Makes a directory and its missing parents, by what a runtime has for it. Node's recursive form says ENOENT of
 * a file system that is read-only: it is the second choice.
 *
 * @throws The runtime's error.
 */
export function makeDirectory(
  make: (options: { mode: number; recursive?: boolean }) => unknown,
  mode: number,
): void {
  try {
    make({ mode });
  } catch (error) {
    if (!["ENOENT", "EEXIST"].includes(errnoOf(error) ?? "")) throw error;
    make({ recursive: true, mode });
  }
}
