import type { FileDriver } from "../runtime/files/file_driver.ts";
import { StoreError } from "../core/errors.ts";
import { storeFailure } from "./store_failure.ts";

/**
 * Makes sure that the data directory exists; a new one is for its owner only (0700).
 *
 * @throws {StoreError} It cannot be made, or something else stands in its place.
 */
export function prepareDataDirectory(files: FileDriver, path: string): void {
  const found = guarded(path, () => files.stat(path, { follow: true }));
  if (found?.kind === "directory") return;
  if (found !== undefined) {
    throw new StoreError(
      "store.no-directory",
      `Cannot use the data directory ${path}: it is no directory`,
      { hint: "Name another one with --data" },
    );
  }
  if (guarded(path, () => files.stat(path))?.kind === "link") {
    throw new StoreError(
      "store.dangling-link",
      `Cannot use the data directory ${path}: it is a link to a place that does not exist`,
      { hint: "Make the directory that it leads to, or name another one with --data" },
    );
  }
  guarded(path, () => files.makeDirectory(path, 0o700));
}

function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeFailure("make the data directory", path, error);
  }
}
