import { basename, dirname, join } from "../../core/posix_path.ts";
import { errnoOf, type FileDriver, type FileHandle } from "./file_driver.ts";

/**
 * Replaces a file so that at every instant, a power cut included, its path holds either the old
 * content or the new: write beside it, fsync, rename, fsync the directory.
 *
 * One writer at a time per path: the file written beside it, `.<name>.new`, has a fixed name, so that
 * what a crash left is overwritten by the next write instead of piling up.
 *
 * @param content Text (stored as UTF-8) or bytes.
 * @param permissions Mode of the new file, 0o600 when absent.
 * @throws The runtime's error (`ENOSPC`, `EROFS`, `EACCES` ...); the old content then still stands.
 */
export function writeFileAtomic(
  files: FileDriver,
  path: string,
  content: string | Uint8Array,
  permissions = 0o600,
): void {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const beside = join(dirname(path), `.${basename(path)}.new`);
  const handle = createAnew(files, beside, permissions);
  try {
    handle.write(bytes);
    // The umask may have taken bits away that a reader under another user needs.
    if ((handle.stat().mode & 0o777) !== permissions) files.changeMode(beside, permissions);
    handle.sync();
    handle.close();
    files.rename(beside, path);
  } catch (error) {
    attempt(() => handle.close());
    attempt(() => files.remove(beside));
    throw error;
  }
  files.syncDirectory(dirname(path));
}

/** Removes a file durably; `false` when there was none. */
export function removeDurably(files: FileDriver, path: string): boolean {
  if (!files.remove(path)) return false;
  files.syncDirectory(dirname(path));
  return true;
}

function attempt(tidy: () => void): void {
  try {
    tidy();
  } catch {
    // The first failure is the one to tell; the next write removes what is left.
  }
}

function createAnew(files: FileDriver, path: string, permissions: number): FileHandle {
  try {
    return files.open(path, "create", { permissions });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    files.remove(path);
    return files.open(path, "create", { permissions });
  }
}
