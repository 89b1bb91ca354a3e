import { RuntimeError } from "../../core/errors.ts";
import {
  errnoOf,
  type FileDriver,
  type FileHandle,
  type FileInfo,
  readOpened,
} from "./file_driver.ts";

/**
 * Opens a file for reading that nobody else can have put there: a regular file, not reached through a
 * link, owned by `uid`, with one name only.
 *
 * @throws {RuntimeError} `runtime.unsafe-file`: it is anything else.
 * @throws The runtime's error (`ENOENT`, `EACCES`, `EIO` ...).
 * @see architecture section 2
 */
export function openOwned(files: FileDriver, path: string, uid: number): FileHandle {
  const before = files.stat(path);
  // Asked before opening, because opening a named pipe would wait for whoever writes into it.
  if (before !== undefined) check(path, before, uid);
  let handle: FileHandle;
  try {
    handle = files.open(path, "read");
  } catch (error) {
    if (errnoOf(error) === "ELOOP") throw unsafe(path, "it is a symbolic link", error);
    throw error;
  }
  try {
    check(path, handle.stat(), uid);
  } catch (error) {
    handle.close();
    throw error;
  }
  return handle;
}

/**
 * Reads such a file whole.
 *
 * @returns Its bytes, or `undefined` when there is none.
 * @throws {RangeError} It is larger than `maxBytes`.
 * @throws What {@link openOwned} throws.
 */
export function readOwned(
  files: FileDriver,
  path: string,
  uid: number,
  maxBytes: number,
): Uint8Array | undefined {
  return readOpened(() => openOwned(files, path, uid), path, maxBytes);
}

function check(path: string, { kind, uid: owner, links }: FileInfo, uid: number): void {
  if (kind === "link") throw unsafe(path, "it is a symbolic link");
  if (kind !== "file") {
    throw unsafe(path, `it is a ${kind === "directory" ? kind : "device, pipe or socket"}`);
  }
  if (owner !== uid) throw unsafe(path, `it belongs to user ${owner}, wanted ${uid}`);
  if (links !== 1) throw unsafe(path, `it has ${links} names, wanted 1`);
}

function unsafe(path: string, reason: string, cause?: unknown): RuntimeError {
  return new RuntimeError("runtime.unsafe-file", `Cannot trust ${path}: ${reason}`, {
    cause,
    hint: "Only a regular file of the user that runs this program is accepted here",
  });
}
