/** What a path is; links are not followed. */
export interface FileInfo {
  /** What it is. */
  readonly kind: "file" | "directory" | "link" | "other";
  /** Size of the content in bytes. */
  readonly sizeBytes: number;
  /** Permission bits, `0o777` and the set-id and sticky bits. */
  readonly mode: number;
  /** Number of hard links. */
  readonly links: number;
  /** Owner. */
  readonly uid: number;
  /** Group. */
  readonly gid: number;
  /** Last change of the content, in milliseconds since 1970. */
  readonly modifiedAtMs: number;
  /** What an `other` is. */
  readonly special?: "block" | "character" | "fifo" | "socket" | undefined;
  /** Identifies the file itself among all of the machine: device and inode. */
  readonly identity: string;
}

/**
 * How a file is opened. `read`: existing, for reading. `create`: must not exist yet, for writing.
 * `append`: for writing at the end, made when absent. `update`: for reading and writing at a
 * position, made when absent. Symbolic links at the last part of the path are refused unless
 * `follow` is set.
 */
export type OpenMode = "read" | "create" | "append" | "update";

/** How else a file is opened. */
export interface OpenOptions {
  /** Mode of a file that is made, 0o600 when absent. */
  readonly permissions?: number;
  /** Whether links are followed. */
  readonly follow?: boolean;
  /** Whether its mode or owner will be changed. */
  readonly changes?: boolean;
}

/** An open file. All operations are synchronous: see {@link FileDriver}. */
export interface FileHandle {
  /** Reads up to `buffer.length` bytes at `position` (or the current one); 0 at the end. */
  read(buffer: Uint8Array, position?: number): number;
  /** Writes the whole buffer at `position` (or the current one; always the end for `append`). */
  write(buffer: Uint8Array, position?: number): void;
  /** Cuts or extends the file. */
  truncate(sizeBytes: number): void;
  /** Facts of the open file itself, whatever the path names by now. */
  stat(): FileInfo;
  /** Changes the permission bits of the open file, which was opened with `changes`. */
  changeMode(mode: number): void;
  /** Changes owner and group of the open file, which was opened with `changes`. */
  changeOwner(uid: number, gid: number): void;
  /** Makes content and size durable (fsync). */
  sync(): void;
  /** {@link sync} of a file so large that everything else would wait too long for it. */
  syncInBackground(): Promise<void>;
  /** Closes the file; a second call does nothing. */
  close(): void;
}

/**
 * Files and directories.
 *
 * The driver is synchronous on purpose: durable steps are small, their order is what survives a
 * power cut, and synchronous writes are also the fastest way to store a download (an awaited write
 * per chunk takes twice the time). Only the syncs of large files are not. Failures are the runtime's own
 * errors with an errno in `code`; {@link errnoOf} reads it.
 */
export interface FileDriver {
  /** Opens a file. */
  open(path: string, mode: OpenMode, options?: OpenOptions): FileHandle;
  /** What a path is, or `undefined` when there is nothing. Links are not followed unless asked. */
  stat(path: string, options?: { follow?: boolean }): FileInfo | undefined;
  /** Names in a directory, sorted by code unit. */
  list(path: string): string[];
  /** Makes a directory and its missing parents, with mode `permissions` (0o700 when absent). */
  makeDirectory(path: string, permissions?: number): void;
  /** Replaces `to` by `from`, atomically. */
  rename(from: string, to: string): void;
  /** Gives a file a second name (hard link); fails with `EEXIST` when the name is taken. */
  link(from: string, to: string): void;
  /** Removes a file; `false` when there was none. */
  remove(path: string): boolean;
  /** Removes a directory and all it holds; nothing happens when there is none. */
  removeTree(path: string): void;
  /**
   * Makes the content of a file durable while other work goes on, so that the `sync` of an open handle
   * has less left to do. What fails is left to that `sync`, to which the system tells it again.
   */
  syncBeside(path: string): Promise<void>;
  /** Makes the entries of a directory durable (fsync of the directory). */
  syncDirectory(path: string): void;
  /** Changes the permission bits of a file. */
  changeMode(path: string, mode: number): void;
  /** The absolute path without links and dots; everything on it must exist. */
  realPath(path: string): string;
  /** Whether this process may execute the file. */
  isExecutable(path: string): boolean;
  /** Bytes that this user can still store in the file system that holds `path`. */
  freeBytes(path: string): number;
  /** Makes a new empty directory of a random name under the system's temporary directory. */
  makeTemporaryDirectory(prefix: string): string;
}

/** Errors of Linux to which Deno (2.9.6) gives no code, but their number in the message. */
const BARE_NUMBERS: Readonly<Record<string, string>> = {
  4: "EINTR",
  23: "ENFILE",
  26: "ETXTBSY",
  27: "EFBIG",
  31: "EMLINK",
  38: "ENOSYS",
  116: "ESTALE",
  117: "EUCLEAN",
  121: "EREMOTEIO",
  122: "EDQUOT",
};

/**
 * Errno name of a runtime's error (`ENOENT`, `EACCES`, `ENOSPC` ...), `ENOTCAPABLE` when Deno's
 * permissions forbid the access (its message names the missing flag), or `undefined`.
 */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === "NotCapable") return "ENOTCAPABLE";
  if ("code" in error && typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code)) {
    return error.code;
  }
  return BARE_NUMBERS[/\(os error (\d+)\)/.exec(error.message)?.[1] ?? ""];
}

/**
 * Refuses what opening or reading may wait for ever at: pipes, sockets and devices.
 *
 * @throws An error with the errno `EINVAL`.
 */
export function refuseSpecialFile(
  files: FileDriver,
  path: string,
  options: { follow?: boolean } = {},
): void {
  if (files.stat(path, options)?.kind !== "other") return;
  throw Object.assign(
    new Error(`EINVAL: pipe, socket or device where a file was wanted, '${path}'`),
    {
      code: "EINVAL",
      path,
    },
  );
}

/**
 * Reads a small file whole.
 *
 * @returns Its bytes, or `undefined` when there is none.
 * @throws {RangeError} The file is larger than `maxBytes`.
 * @throws The runtime's error when it is no file (`EISDIR`, `EINVAL`) or cannot be read.
 */
export function readWhole(
  files: FileDriver,
  path: string,
  maxBytes: number,
  options: { follow?: boolean } = {},
): Uint8Array | undefined {
  refuseSpecialFile(files, path, options);
  return readOpened(() => files.open(path, "read", options), path, maxBytes);
}

/** As much as most files of a device have; a poll reads two of them. */
const FIRST_READ_BYTES = 4096;

/** {@link readWhole} of what `open` opens. */
export function readOpened(
  open: () => FileHandle,
  path: string,
  maxBytes: number,
): Uint8Array | undefined {
  let handle: FileHandle;
  try {
    handle = open();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    let bytes = new Uint8Array(Math.min(FIRST_READ_BYTES, maxBytes + 1));
    for (let size = 0;;) {
      const count = handle.read(bytes.subarray(size));
      if (count === 0) return bytes.subarray(0, size);
      size += count;
      if (size > maxBytes) {
        throw new RangeError(`Cannot read ${path}: it is larger than ${maxBytes} bytes`);
      }
      if (size === bytes.length) bytes = grown(bytes, Math.min(4 * size, maxBytes + 1));
    }
  } finally {
    handle.close();
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

/** {@link readWhole} as UTF-8 text; bytes that are not UTF-8 become U+FFFD. */
export function readText(
  files: FileDriver,
  path: string,
  maxBytes = 1 << 20,
  options: { follow?: boolean } = {},
): string | undefined {
  const bytes = readWhole(files, path, maxBytes, options);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
