import type * as nodeFs from "node:fs";
import { errnoOf, type FileDriver, type FileHandle, type FileInfo } from "./file_driver.ts";
import { directoryError } from "./directory_error.ts";
import { makeDirectory } from "./make_directory.ts";
import { type ExistingMode, openUnlinked, type PlainFiles } from "./open_unlinked.ts";

/**
 * Files by `node:fs`.
 *
 * @param fs That module.
 * @param temporaryDirectory Where temporary directories are made.
 */
export function nodeFiles(fs: typeof nodeFs, temporaryDirectory: () => string): FileDriver {
  const stat: FileDriver["stat"] = (path, options = {}) => {
    const read = options.follow === true ? fs.statSync : fs.lstatSync;
    try {
      const stats = read(path, { throwIfNoEntry: false });
      return stats === undefined ? undefined : infoOf(stats);
    } catch (error) {
      // Below a file there is nothing: Node says so, Deno throws.
      if (errnoOf(error) === "ENOTDIR") return undefined;
      throw error;
    }
  };
  const plain: PlainFiles = {
    stat,
    openExisting: (path, mode, permissions) =>
      new NodeFileHandle(fs, fs.openSync(path, flagsOf(fs, mode), permissions)),
    openNew(path, mode, permissions) {
      const flags = mode === "append" ? "ax" : mode === "update" ? "wx+" : "wx";
      return new NodeFileHandle(fs, fs.openSync(path, flags, permissions));
    },
  };
  return {
    open(path, mode, options = {}) {
      const permissions = options.permissions ?? 0o600;
      if (mode === "create") return plain.openNew(path, mode, permissions);
      return options.follow === true
        ? plain.openExisting(path, mode, permissions)
        : openUnlinked(plain, path, mode, permissions);
    },
    stat,
    list: (path) => fs.readdirSync(path).sort(),
    makeDirectory: (path, permissions = 0o700) =>
      makeDirectory((options) => fs.mkdirSync(path, options), permissions),
    rename: (from, to) => fs.renameSync(from, to),
    link: (from, to) => fs.linkSync(from, to),
    remove(path) {
      // Deno's unlink takes an empty directory away too.
      if (stat(path)?.kind === "directory") throw directoryError(path);
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
    makeTemporaryDirectory: (prefix) => fs.mkdtempSync(`${temporaryDirectory()}/${prefix}`),
  };
}

function flagsOf(fs: typeof nodeFs, mode: ExistingMode): number {
  const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_APPEND } = fs.constants;
  if (mode === "read") return O_RDONLY;
  return mode === "append" ? O_WRONLY | O_CREAT | O_APPEND : O_RDWR | O_CREAT;
}

class NodeFileHandle implements FileHandle {
  readonly #fs: typeof nodeFs;
  #fd: number | undefined;

  constructor(fs: typeof nodeFs, fd: number) {
    this.#fs = fs;
    this.#fd = fd;
  }

  read(buffer: Uint8Array, position?: number): number {
    return this.#fs.readSync(this.#open(), buffer, 0, buffer.length, position ?? null);
  }

  write(buffer: Uint8Array, position?: number): void {
    for (let at = 0; at < buffer.length;) {
      const where = position === undefined ? null : position + at;
      at += this.#fs.writeSync(this.#open(), buffer, at, buffer.length - at, where);
    }
  }

  truncate(sizeBytes: number): void {
    this.#fs.ftruncateSync(this.#open(), sizeBytes);
  }

  stat(): FileInfo {
    return infoOf(this.#fs.fstatSync(this.#open()));
  }

  changeMode(mode: number): void {
    this.#fs.fchmodSync(this.#open(), mode);
  }

  changeOwner(uid: number, gid: number): void {
    this.#fs.fchownSync(this.#open(), uid, gid);
  }

  sync(): void {
    this.#fs.fsyncSync(this.#open());
  }

  syncInBackground(): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#fs.fsync(this.#open(), (error) => error ? reject(error) : resolve())
    );
  }

  close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) this.#fs.closeSync(fd);
  }

  #open(): number {
    if (this.#fd === undefined) throw new TypeError("Cannot use a file that is closed");
    return this.#fd;
  }
}

function infoOf(stats: nodeFs.Stats): FileInfo {
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

function specialKind(stats: nodeFs.Stats): FileInfo["special"] {
  if (stats.isBlockDevice()) return "block";
  if (stats.isCharacterDevice()) return "character";
  if (stats.isFIFO()) return "fifo";
  return stats.isSocket() ? "socket" : undefined;
}
