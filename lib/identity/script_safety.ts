import type { FileInfo } from "../runtime/files/file_driver.ts";

const OTHERS_WRITE = 0o002;

/**
 * Why a script must not be run with our rights: somebody else could have written it.
 *
 * @param uid User that we run as.
 * @returns `undefined` when nothing speaks against it.
 */
export function unsafeReason(
  { mode, uid: owner }: Pick<FileInfo, "mode" | "uid">,
  uid: number,
): string | undefined {
  if ((mode & OTHERS_WRITE) !== 0) {
    return `unsafe, every user may write to it (mode ${mode.toString(8)})`;
  }
  if (owner !== uid && owner !== 0) return `unsafe, it belongs to another user (${owner})`;
  return undefined;
}
