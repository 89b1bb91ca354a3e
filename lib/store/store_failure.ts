import { StoreError } from "../core/errors.ts";
import { errnoOf } from "../runtime/files/file_driver.ts";

/**
 * Turns a runtime's file error into a {@link StoreError}: `store.no-space`, `store.read-only`,
 * `store.denied`, `store.link` or `store.failed`.
 *
 * @param what What could not be done, as in "store the deployment record".
 */
export function storeFailure(what: string, path: string, error: unknown): StoreError {
  const [code, why, hint] = reasonOf(errnoOf(error));
  return new StoreError(code, `Cannot ${what} (${path}): ${why ?? describe(error)}`, {
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}

function reasonOf(errno: string | undefined): [code: string, why?: string, hint?: string] {
  switch (errno) {
    case "ENOSPC":
    case "EDQUOT":
      return ["store.no-space", "no space left on the device", "Free some space there"];
    case "EROFS":
      return ["store.read-only", "the file system is read-only", "Mount it writable"];
    case "EACCES":
    case "EPERM":
      return ["store.denied", "permission denied", "Run as the owner of the data directory"];
    case "ELOOP":
      return ["store.link", "it is a symbolic link", "Replace the link by a regular file"];
    default:
      return ["store.failed"];
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
