import { StoreError } from "../core/errors.ts";
import { errnoOf } from "../runtime/files/file_driver.ts";
import { fileReason } from "../runtime/files/file_reason.ts";

/**
 * Turns a runtime's file error into a {@link StoreError}: `store.no-space`, `store.read-only`,
 * `store.denied`, `store.link` or `store.failed`.
 *
 * @param what What could not be done, as in "store the deployment record".
 */
export function storeFailure(what: string, path: string, error: unknown): StoreError {
  const [code, hint] = kindOf(errnoOf(error));
  return new StoreError(code, `Cannot ${what} (${path}): ${fileReason(error)}`, {
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}

function kindOf(errno: string | undefined): [code: string, hint?: string] {
  switch (errno) {
    case "ENOSPC":
    case "EDQUOT":
      return ["store.no-space", "Free some space there"];
    case "EROFS":
      return ["store.read-only", "Mount it writable"];
    case "EACCES":
    case "EPERM":
      return ["store.denied", "Run as the owner of the data directory"];
    case "ELOOP":
      return ["store.link", "Replace the link by a regular file"];
    case "EISDIR":
      return ["store.failed", "Move the directory away"];
    default:
      return ["store.failed"];
  }
}
