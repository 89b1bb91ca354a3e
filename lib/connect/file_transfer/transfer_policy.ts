import { basename, dirname, isAbsolute, join, normalize } from "../../core/posix_path.ts";
import type { TransferLimits } from "../../config/mod.ts";
import { messageOf, SessionError } from "../../core/errors.ts";
import type { FileDriver, FileInfo } from "../../runtime/files/file_driver.ts";
import { type PutRequest, unixMode } from "../protocol/internal.ts";
import { findGroupId, findUser } from "../terminal/unix_users.ts";

const SET_ID = 0o6000;

/** Mode of a file that is put without one. */
const DEFAULT_MODE = 0o644;

/** A file that may be read. */
export interface ReadableFile {
  /** Path without links. */
  readonly path: string;
  /** What it is. */
  readonly info: FileInfo;
}

/** A file that may be written. */
export interface WritableFile {
  /** Path; its directory is without links. */
  readonly path: string;
  /** Permission bits that it gets. */
  readonly mode: number;
  /** Owner that it gets; `undefined`: ours. */
  readonly uid: number | undefined;
  /** Group that it gets; `undefined`: ours. */
  readonly gid: number | undefined;
  /** Whether it may take the place of another. */
  readonly allowsOverwrite: boolean;
}

/**
 * What of the file system a peer may reach. Limits are held against the path that is really meant, links
 * resolved, and what is used afterwards is that path.
 *
 * @see contracts/connect-protocol.md section 10
 */
export class TransferPolicy {
  readonly #files: FileDriver;
  readonly #limits: TransferLimits | undefined;

  /** Without limits everything that this process may reach is allowed. */
  constructor(files: FileDriver, limits: TransferLimits | undefined) {
    this.#files = files;
    this.#limits = limits;
  }

  /**
   * A file to be looked at.
   *
   * @throws {SessionError} `session.bad-path`, `session.access-denied`.
   */
  forStat(path: string): ReadableFile {
    const asked = absolute(path);
    try {
      const real = this.#files.realPath(asked);
      const info = this.#files.stat(real);
      if (info === undefined) throw new Error("no such file or directory");
      this.#checkPath(real, asked);
      return { path: real, info };
    } catch (error) {
      if (error instanceof SessionError) throw error;
      const text = `failed to get file info from path '${path}': ${messageOf(error)}`;
      throw new SessionError("session.bad-path", text, { cause: error, retry: "never" });
    }
  }

  /** A file to be sent: a regular one, whatever the limits say. Throws as {@link forStat} does. */
  forRead(path: string): ReadableFile {
    const file = this.forStat(path);
    const { info } = file;
    if (info.kind !== "file") {
      if (this.#limits?.regularFilesOnly) throw denied("only regular files are allowed");
      const text = "failed to open file for reading: it is no regular file";
      throw new SessionError("session.bad-path", text, { retry: "never" });
    }
    if (this.#limits === undefined) return file;
    const { ownerGet, groupGet, maxFileSizeBytes } = this.#limits;
    if (ownerGet.length > 0 && !ownerGet.some((name) => this.#uid(name) === info.uid)) {
      throw denied("the file owner does not match");
    }
    if (groupGet.length > 0 && !groupGet.some((name) => this.#gid(name) === info.gid)) {
      throw denied("the file group does not match");
    }
    if (maxFileSizeBytes > 0 && info.sizeBytes > maxFileSizeBytes) {
      throw denied("the file size is over the limit");
    }
    return file;
  }

  /** A file to be made or replaced. Throws as {@link forStat} does. */
  forWrite(request: PutRequest): WritableFile {
    const target = this.#target(request);
    const allowsOverwrite = this.#limits?.allowOverwrite ?? true;
    const existing = this.#files.stat(target);
    if (existing !== undefined) this.#checkExisting(existing, allowsOverwrite);
    const mode = this.#mode(request);
    const { ownerPut = "", groupPut = "", maxFileSizeBytes = 0 } = this.#limits ?? {};
    if (maxFileSizeBytes > 0 && (request.sizeBytes ?? 0) > maxFileSizeBytes) {
      throw denied("the file size is over the limit");
    }
    return {
      path: target,
      mode,
      uid: ownerPut === "" ? request.uid : this.#needed(this.#uid(ownerPut), "OwnerPut"),
      gid: groupPut === "" ? request.gid : this.#needed(this.#gid(groupPut), "GroupPut"),
      allowsOverwrite,
    };
  }

  /** Where a file really comes to stand. */
  #target({ path, sourcePath = "" }: PutRequest): string {
    let asked = absolute(path);
    if (this.#files.stat(asked, { follow: true })?.kind === "directory") {
      const name = basename(sourcePath);
      if (name === "" || name === "." || name === "..") {
        throw conflict("cannot overwrite directory");
      }
      asked = join(asked, name);
    }
    try {
      const directory = this.#files.realPath(dirname(asked));
      const target = join(directory, basename(asked));
      this.#checkPath(target, asked);
      return target;
    } catch (error) {
      if (error instanceof SessionError) throw error;
      const text = `failed to create target file: failed to create file: ${messageOf(error)}`;
      throw new SessionError("session.bad-path", text, { cause: error, retry: "never" });
    }
  }

  #checkPath(real: string, asked: string): void {
    if (this.#limits === undefined) return;
    const { chroot, followSymLinks } = this.#limits;
    if (chroot !== "") {
      const root = this.#files.realPath(chroot);
      if (real !== root && !real.startsWith(root === "/" ? root : `${root}/`)) {
        throw denied("the target file path is outside chroot");
      }
    }
    if (!followSymLinks && real !== asked) throw denied("forbidden to follow the link");
  }

  #checkExisting(existing: FileInfo, allowsOverwrite: boolean): void {
    if (existing.kind === "directory") throw conflict("cannot overwrite directory");
    if (existing.kind !== "file") throw conflict("cannot overwrite irregular file");
    if (!allowsOverwrite) throw denied("forbidden to overwrite the file");
    const { ownerPut = "", groupPut = "" } = this.#limits ?? {};
    if (ownerPut !== "" && this.#uid(ownerPut) !== existing.uid) {
      throw denied("the file owner does not match");
    }
    if (groupPut !== "" && this.#gid(groupPut) !== existing.gid) {
      throw denied("the file group does not match");
    }
  }

  /** Set-id bits are kept only where the limits allow them by name. */
  #mode({ goMode }: PutRequest): number {
    const mode = goMode === undefined ? DEFAULT_MODE : unixMode(goMode);
    if (this.#limits === undefined) return mode & 0o777;
    if ((mode & SET_ID) !== 0 && !this.#limits.allowSuid) {
      throw denied("the set uid mode is forbidden");
    }
    const { umask } = this.#limits;
    if (umask === "") return mode;
    if (!/^0*[0-7]{1,3}$/.test(umask)) throw denied("Limits.FileTransfer.Umask is no octal number");
    return 0o777 & ~parseInt(umask, 8);
  }

  #uid(name: string): number | undefined {
    return /^\d+$/.test(name) ? Number(name) : findUser(this.#files, name)?.uid;
  }

  #gid(name: string): number | undefined {
    return /^\d+$/.test(name) ? Number(name) : findGroupId(this.#files, name);
  }

  #needed(id: number | undefined, key: string): number {
    if (id !== undefined) return id;
    throw denied(`Limits.FileTransfer.${key} names nobody`);
  }
}

function absolute(path: string): string {
  if (isAbsolute(path) && !path.includes("\0")) {
    return path === "/" ? path : normalize(path).replace(/\/+$/, "") || "/";
  }
  const text = "invalid request parameters: path must be absolute";
  throw new SessionError("session.bad-path", text, { retry: "never" });
}

function denied(why: string): SessionError {
  return new SessionError("session.access-denied", `access denied: ${why}`, { retry: "never" });
}

function conflict(why: string): SessionError {
  return new SessionError("session.bad-path", `conflicting file path: ${why}`, { retry: "never" });
}
