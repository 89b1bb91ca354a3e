import { basename, dirname, join } from "../../core/posix_path.ts";
import { errnoOf, type FileDriver } from "./file_driver.ts";

/** What file systems without hard links say, FAT above all. */
const NO_LINKS = ["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK"];

/**
 * Makes a file that nobody else has made, whole and durable, or makes none: of several processes at the
 * same time one wins, and a power cut leaves the file complete or not at all.
 *
 * It is written beside, under a name of its own, `.<name>.<uuid>.new`, and linked into place. A crash at
 * that moment leaves a second name, or a file that was never linked: {@link removeSideFiles}. Where there
 * are no hard links it is renamed into place after a look.
 *
 * @returns `false` when there is a file already; it is untouched.
 * @throws The runtime's error (`ENOSPC`, `EROFS`, `EACCES` ...); there is no new file then.
 */
export function writeNewFile(
  files: FileDriver,
  path: string,
  content: string,
  permissions = 0o600,
): boolean {
  const beside = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.new`);
  try {
    const handle = files.open(beside, "create", { permissions });
    try {
      handle.write(new TextEncoder().encode(content));
      handle.sync();
    } finally {
      handle.close();
    }
    if (!putInPlace(files, beside, path)) return false;
  } finally {
    files.remove(beside);
  }
  files.syncDirectory(dirname(path));
  return true;
}

/**
 * Removes what a crash of {@link writeNewFile} left of a path that has its file by now.
 *
 * @returns Whether there was anything.
 */
export function removeSideFiles(files: FileDriver, path: string): boolean {
  const start = `.${basename(path)}.`;
  const left = files.list(dirname(path)).filter((name) =>
    name.startsWith(start) && /^[0-9a-f-]{36}\.new$/.test(name.slice(start.length))
  );
  for (const name of left) files.remove(join(dirname(path), name));
  return left.length > 0;
}

function putInPlace(files: FileDriver, beside: string, path: string): boolean {
  try {
    files.link(beside, path);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EEXIST") return false;
    // A process that found a file in place has tidied ours away.
    if (errno === "ENOENT" && files.stat(path) !== undefined) return false;
    if (errno === undefined || !NO_LINKS.includes(errno)) throw error;
  }
  if (files.stat(path) !== undefined) return false;
  files.rename(beside, path);
  return true;
}
