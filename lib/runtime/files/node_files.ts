import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  errnoOf,
  type FileDriver,
  type FileHandle,
  type FileInfo,
  type OpenMode,
} from "./file_driver.ts";

/** Files by `node:fs`, on Deno and on Node. */
export const nodeFiles: FileDriver = {
  open(path, mode, options = {}) {
    const permissions = options.permissions ?? 0o600;
    if (mode === "create") return new NodeFileHandle(fs.openSync(path, "wx", permissions));
    return options.follow === true
      ? new NodeFileHandle(openExisting(path, mode, permissions))
      : openUnlinked(path, mode, permissions);
  },
  stat(path, options = {}) {
    const read = options.follow === true ? fs.statSync : fs.lstatSync;
    try {
      const stats = read(path, { throwIfNoEntry: false });
      return stats === undefined ? undefined : infoOf(stats);
    } catch (error) {
      // Below a file there is nothing: Node says so, Deno throws.
      if (errnoOf(error) === "ENOTDIR") return undefined;
      throw error;
    }
  },
  list: (path) => fs.readdirSync(path).sort(),
  makeDirectory(path, permissions = 0o700) {
    try {
      fs.mkdirSync(path, { mode: permissions });
    } catch (error) {
      // Node's recursive form says ENOENT of a file system that is read-only: it is the second choice.
      if (!["ENOENT", "EEXIST"].includes(errnoOf(error) ?? "")) throw error;
      fs.mkdirSync(path, { recursive: true, mode: permissions });
    }
  },
  rename: (from, to) => fs.renameSync(from, to),
  link: (from, to) => fs.linkSync(from, to),
  remove(path) {
    // Deno's unlink takes an empty directory away too.
    if (nodeFiles.stat(path)?.kind === "directory") throw directoryError(path);
    try {
      fs.unlinkSync(path);
      return true;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return false;
      throw error;
    }
  },
  removeTree: (path) => fs.rmSync(path, { recursive: true, force: true }),
  syncBeside(path) {
    return new Promise((resolve) => {
      // A descriptor of its own: to each one the system tells the failures of a file once.
      fs.open(path, "r", (cause, fd) => {
        if (cause) return resolve();
        fs.fdatasync(fd, () => fs.close(fd, () => resolve()));
      });
    });
  },
  syncDirectory(path) {
    const fd = fs.openSync(path, "r");
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  },
  changeMode: (path, mode) => fs.chmodSync(path, mode),
  realPath: (path) => fs.realpathSync(path),
  isExecutable(path) {
    try {
      fs.accessSync(path, fs.constants.X_OK);
      return true;
    } catch {
      return false; // the question is only whether; whoever runs it sees the reason
    }
  },
  freeBytes(path) {
    const { bavail, bsize } = fs.statfsSync(path);
    return bavail * bsize;
  },
  makeTemporaryDirectory: (prefix) => fs.mkdtempSync(join(tmpdir(), prefix)),
};

/** Tries at a path that another process keeps replacing. */
const MAX_OPEN_TRIES = 100;

/**
 * Opens a path that must not be a symbolic link. Deno drops O_NOFOLLOW, so the link is looked for
 * before, and whether the file was swapped in between is looked for after. A file that appeared, or was
 * replaced by a rename, in that instant is nothing bad: the look is repeated.
 */
function openUnlinked(
  path: string,
  mode: Exclude<OpenMode, "create">,
  permissions: number,
): FileHandle {
  for (let tries = 0; tries < MAX_OPEN_TRIES; tries++) {
    const before = nodeFiles.stat(path);
    if (before?.kind === "link") break;
    if (before === undefined) {
      if (mode === "read") throw missingError(path);
      const made = makeUnlinked(path, mode, permissions);
      if (made !== undefined) return made;
      continue;
    }
    const handle = openIfThere(path, mode, permissions);
    if (handle?.stat().identity === before.identity) return handle;
    handle?.close();
  }
  throw linkError(path);
}

/** Makes the file; `undefined` when it has appeared meanwhile. "x" never goes through a link. */
function makeUnlinked(
  path: string,
  mode: "append" | "update",
  permissions: number,
): FileHandle | undefined {
  try {
    return new NodeFileHandle(fs.openSync(path, mode === "append" ? "ax" : "wx+", permissions));
  } catch (error) {
    if (hasCode(error, "EEXIST")) return undefined;
    throw error;
  }
}

function openIfThere(
  path: string,
  mode: Exclude<OpenMode, "create">,
  permissions: number,
): FileHandle | undefined {
  try {
    return new NodeFileHandle(openExisting(path, mode, permissions));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function openExisting(
  path: string,
  mode: Exclude<OpenMode, "create">,
  permissions: number,
): number {
  const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_APPEND } = fs.constants;
  const flags = mode === "read"
    ? O_RDONLY
    : mode === "append"
    ? O_WRONLY | O_CREAT | O_APPEND
    : O_RDWR | O_CREAT;
  return fs.openSync(path, flags, permissions);
}

class NodeFileHandle implements FileHandle {
  #fd: number | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(buffer: Uint8Array, position?: number): number {
    return fs.readSync(this.#open(), buffer, 0, buffer.length, position ?? null);
  }

  write(buffer: Uint8Array, position?: number): void {
    for (let at = 0; at < buffer.length;) {
      const where = position === undefined ? null : position + at;
      at += fs.writeSync(this.#open(), buffer, at, buffer.length - at, where);
    }
  }

  truncate(sizeBytes: number): void {
    fs.ftruncateSync(this.#open(), sizeBytes);
  }

  stat(): FileInfo {
    return infoOf(fs.fstatSync(this.#open()));
  }

  changeMode(mode: number): void {
    fs.fchmodSync(this.#open(), mode);
  }

  changeOwner(uid: number, gid: number): void {
    fs.fchownSync(this.#open(), uid, gid);
  }

  sync(): void {
    fs.fsyncSync(this.#open());
  }

  syncInBackground(): Promise<void> {
    return new Promise((resolve, reject) =>
      fs.fsync(this.#open(), (error) => error ? reject(error) : resolve())
    );
  }

  close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) fs.closeSync(fd);
  }

  #open(): number {
    if (this.#fd === undefined) throw new TypeError("Cannot use a file that is closed");
    return this.#fd;
  }
}

function infoOf(stats: fs.Stats): FileInfo {
  return {
    kind: stats.isFile()
      ? "file"
      : stats.isDirectory()
      ? "directory"
      : stats.isSymbolicLink()
      ? "link"
      : "other",
    sizeBytes: stats.size,
    mode: stats.mode & 0o7777,
    links: stats.nlink,
    uid: stats.uid,
    gid: stats.gid,
    modifiedAtMs: stats.mtimeMs,
    special: specialKind(stats),
    identity: `${stats.dev}:${stats.ino}`,
  };
}

function specialKind(stats: fs.Stats): FileInfo["special"] {
  if (stats.isBlockDevice()) return "block";
  if (stats.isCharacterDevice()) return "character";
  if (stats.isFIFO()) return "fifo";
  return stats.isSocket() ? "socket" : undefined;
}

function directoryError(path: string): Error {
  const error = new Error(`EISDIR: directory where a file was wanted, unlink '${path}'`);
  return Object.assign(error, { code: "EISDIR", path });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function missingError(path: string): Error {
  const error = new Error(`ENOENT: no such file or directory, open '${path}'`);
  return Object.assign(error, { code: "ENOENT", path });
}

function linkError(path: string): Error {
  const error = new Error(`ELOOP: symbolic link where a file was wanted, open '${path}'`);
  return Object.assign(error, { code: "ELOOP", path });
}
