import { errnoOf, type FileDriver, type FileHandle, type OpenMode } from "./file_driver.ts";

/** What a runtime can do by itself; it follows links. */
export interface PlainFiles {
  /** See {@link FileDriver.stat}. */
  readonly stat: FileDriver["stat"];
  /** Opens what is there; for writing it is made where nothing is. */
  openExisting(path: string, mode: ExistingMode, permissions: number): FileHandle;
  /** Makes a file; fails with `EEXIST` where something is, a link too. */
  openNew(path: string, mode: Exclude<OpenMode, "read">, permissions: number): FileHandle;
}

/** Modes in which a file may be there already. */
export type ExistingMode = Exclude<OpenMode, "create">;

/** Tries at a path that another process keeps replacing. */
const MAX_OPEN_TRIES = 100;

/**
 * Opens a path that must not be a symbolic link. Deno drops O_NOFOLLOW, so the link is looked for
 * before, and whether the file was swapped in between is looked for after. A file that appeared, or was
 * replaced by a rename, in that instant is nothing bad: the look is repeated.
 */
export function openUnlinked(
  files: PlainFiles,
  path: string,
  mode: ExistingMode,
  permissions: number,
): FileHandle {
  for (let tries = 0; tries < MAX_OPEN_TRIES; tries++) {
    const before = files.stat(path);
    if (before?.kind === "link") break;
    if (before === undefined) {
      if (mode === "read") throw missingError(path);
      const made = unless("EEXIST", () => files.openNew(path, mode, permissions));
      if (made !== undefined) return made;
      continue;
    }
    const handle = unless("ENOENT", () => files.openExisting(path, mode, permissions));
    if (handle === undefined) continue;
    let isSame = false;
    try {
      isSame = handle.stat().identity === before.identity;
    } finally {
      if (!isSame) handle.close();
    }
    if (isSame) return handle;
  }
  throw linkError(path);
}

/** `undefined` when it fails so: the file has appeared, or gone, meanwhile. */
function unless(errno: string, open: () => FileHandle): FileHandle | undefined {
  try {
    return open();
  } catch (error) {
    if (errnoOf(error) === errno) return undefined;
    throw error;
  }
}

function missingError(path: string): Error {
  const error = new Error(`ENOENT: no such file or directory, open '${path}'`);
  return Object.assign(error, { code: "ENOENT", path });
}

function linkError(path: string): Error {
  const error = new Error(`ELOOP: symbolic link where a file was wanted, open '${path}'`);
  return Object.assign(error, { code: "ELOOP", path });
}
