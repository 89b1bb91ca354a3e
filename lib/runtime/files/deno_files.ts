import type * as nodeFs from "node:fs";
import { dirname } from "../../core/posix_path.ts";
import { directoryError } from "./directory_error.ts";
import { errnoOf, type FileDriver, type FileInfo, type OpenMode } from "./file_driver.ts";
import { DenoFileHandle } from "./deno_file_handle.ts";
import { makeDirectory } from "./make_directory.ts";
import { nodeFiles } from "./node_files.ts";
import { openUnlinked, type PlainFiles } from "./open_unlinked.ts";

/**
 * Files by what Deno has of its own. `node:fs` would cost a daemon 5 MiB for the whole of its life, so it is
 * loaded when something is wanted that only it can do: change the owner or mode of an open file, count free
 * space, go through a link, ask for another user than root whether a file may be executed.
 */
export const denoFiles: FileDriver = {
  open(path, mode, options = {}) {
    if (
      options.changes === true || leadsElsewhere(options.follow === true ? path : dirname(path))
    ) {
      return byNode().open(path, mode, options);
    }
    const permissions = options.permissions ?? 0o600;
    if (mode === "create") return plain.openNew(path, mode, permissions);
    return options.follow === true
      ? plain.openExisting(path, mode, permissions)
      : openUnlinked(plain, path, mode, permissions);
  },
  stat(path, options = {}) {
    try {
      return infoOf(options.follow === true ? Deno.statSync(path) : Deno.lstatSync(path));
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
      throw error;
    }
  },
  list: (path) => [...Deno.readDirSync(path)].map(({ name }) => name).sort(),
  makeDirectory: (path, permissions = 0o700) =>
    makeDirectory((options) => Deno.mkdirSync(path, options), permissions),
  rename: (from, to) => Deno.renameSync(from, to),
  link: (from, to) => Deno.linkSync(from, to),
  remove(path) {
    // Deno would take an empty directory away too.
    const info = denoFiles.stat(path);
    if (info === undefined) return false;
    if (info.kind === "directory") throw directoryError(path);
    return removeIfThere(path);
  },
  removeTree: (path) => void removeIfThere(path, { recursive: true }),
  async syncBeside(path) {
    try {
      // A descriptor of its own: to each one the system tells the failures of a file once.
      const file = await Deno.open(path);
      await file.syncData().finally(() => file.close());
    } catch {
      // The sync of the handle that is written to tells it.
    }
  },
  syncDirectory(path) {
    const directory = Deno.openSync(path);
    try {
      directory.syncSync();
    } finally {
      directory.close();
    }
  },
  changeMode: (path, mode) => Deno.chmodSync(path, mode),
  realPath: (path) => Deno.realPathSync(path),
  isExecutable(path) {
    if (!isRoot()) return byNode().isExecutable(path);
    try {
      // Root may execute what anybody may.
      return (denoFiles.stat(path, { follow: true })!.mode & 0o111) !== 0;
    } catch {
      return false; // the question is only whether; whoever runs it sees the reason
    }
  },
  freeBytes: (path) => byNode().freeBytes(path),
  makeTemporaryDirectory: (prefix) => Deno.makeTempDirSync({ prefix }),
};

const plain: PlainFiles = {
  stat: denoFiles.stat,
  openExisting: (path, mode, permissions) =>
    handleOf(
      path,
      mode === "read" ? { read: true } : { ...rightsOf(mode), create: true, mode: permissions },
    ),
  openNew: (path, mode, permissions) =>
    handleOf(path, { ...rightsOf(mode), createNew: true, mode: permissions }),
};

/**
 * Whether a path goes through a link, as a data directory on another partition does. Deno opens such a file
 * with the right to the path alone, and wants the right to where it leads for a look at the open file.
 */
function leadsElsewhere(path: string): boolean {
  try {
    return Deno.realPathSync(path) !== path;
  } catch {
    return false; // there is nothing, or no right: opening tells
  }
}

function rightsOf(mode: Exclude<OpenMode, "read">): Deno.OpenOptions {
  if (mode === "append") return { append: true };
  return mode === "update" ? { read: true, write: true } : { write: true };
}

function handleOf(path: string, options: Deno.OpenOptions): DenoFileHandle {
  return new DenoFileHandle(Deno.openSync(path, options), infoOf);
}

function removeIfThere(path: string, options?: Deno.RemoveOptions): boolean {
  try {
    Deno.removeSync(path, options);
    return true;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return false;
    throw error;
  }
}

function isRoot(): boolean {
  try {
    return Deno.uid() === 0;
  } catch {
    return false; // not permitted to know
  }
}

let loaded: FileDriver | undefined;

function byNode(): FileDriver {
  loaded ??= nodeFiles(nodeModule("node:fs"), () => "/tmp");
  return loaded;
}

/** A module of Node's, loaded where it is needed and not before. */
function nodeModule(name: "node:fs"): typeof nodeFs {
  const { process } = globalThis as unknown as {
    process: { getBuiltinModule(name: string): typeof nodeFs };
  };
  return process.getBuiltinModule(name);
}

function infoOf(info: Deno.FileInfo): FileInfo {
  return {
    kind: info.isFile ? "file" : info.isDirectory ? "directory" : info.isSymlink ? "link" : "other",
    sizeBytes: info.size,
    mode: (info.mode ?? 0) & 0o7777,
    links: info.nlink ?? 1,
    uid: info.uid ?? 0,
    gid: info.gid ?? 0,
    modifiedAtMs: info.mtime?.getTime() ?? 0,
    special: specialKind(info),
    identity: `${info.dev}:${info.ino}`,
  };
}

function specialKind(info: Deno.FileInfo): FileInfo["special"] {
  if (info.isBlockDevice) return "block";
  if (info.isCharDevice) return "character";
  if (info.isFifo) return "fifo";
  return info.isSocket ? "socket" : undefined;
}
