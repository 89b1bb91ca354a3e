import { StoreError } from "../core/errors.ts";
import { type Clock, sleep } from "../runtime/clock.ts";
import {
  errnoOf,
  type FileDriver,
  type FileHandle,
  readText,
} from "../runtime/files/file_driver.ts";
import { storeFailure } from "./store_failure.ts";

/** Whoever makes the file writes it at once; one that stays without an ID was torn by a crash. */
const WAIT_MS = 1000;
const LOOK_EVERY_MS = 50;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What {@link controlMapId} works with. */
export interface ControlMapIdOptions {
  /** Files. */
  readonly files: FileDriver;
  /** Time. */
  readonly clock: Clock;
  /** The file, `control_map_id` in the data directory. */
  readonly path: string;
  /** Makes a random UUID. */
  readonly uuid: () => string;
}

/**
 * This device's own ID for Update Control Maps: made once and kept, readable by every user, so that maps of
 * one program replace those of another instead of standing beside them.
 *
 * Only the file itself is written, so that a program needs no right to the rest of the data directory.
 *
 * @throws {StoreError} There is none and it cannot be made, or it cannot be read.
 * @see architecture section 2
 */
export async function controlMapId(options: ControlMapIdOptions): Promise<string> {
  const { files, clock, path, uuid } = options;
  const id = uuid();
  const created = open(files, path, "create");
  if (created !== undefined) return write(files, created, path, id);
  for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += LOOK_EVERY_MS) {
    const known = read(files, path);
    if (known !== undefined) return known;
    await sleep(clock, LOOK_EVERY_MS);
  }
  const torn = open(files, path, "update");
  return torn === undefined ? controlMapId(options) : write(files, torn, path, id);
}

function open(files: FileDriver, path: string, mode: "create" | "update"): FileHandle | undefined {
  try {
    if (mode === "create" && files.stat(path) !== undefined) return undefined;
    return files.open(path, mode, { permissions: 0o644 });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EEXIST") return undefined;
    const failure = storeFailure("make the ID of this device's maps", path, error);
    throw new StoreError(failure.code, failure.message, {
      cause: error,
      hint: "Run it once as a user who may write there, or give an ID with --id",
    });
  }
}

function read(files: FileDriver, path: string): string | undefined {
  try {
    const text = readText(files, path, 4096)?.trim() ?? "";
    return UUID.test(text) ? text : undefined;
  } catch (error) {
    throw storeFailure("read the ID of this device's maps", path, error);
  }
}

function write(files: FileDriver, handle: FileHandle, path: string, id: string): string {
  try {
    // A torn file may be longer than what is written into it.
    handle.truncate(0);
    handle.write(new TextEncoder().encode(`${id}\n`), 0);
    // The umask may have taken away what other users need.
    if ((handle.stat().mode & 0o777) !== 0o644) files.changeMode(path, 0o644);
    handle.sync();
    return id;
  } catch (error) {
    throw storeFailure("write the ID of this device's maps", path, error);
  } finally {
    handle.close();
  }
}
