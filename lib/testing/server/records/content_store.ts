import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { FileDriver, FileHandle } from "../../../runtime/files/file_driver.ts";
import type { BodySource } from "../answer.ts";
import { ServerRefusal } from "../refusal.ts";
import { storing } from "./storage_failure.ts";

/** Takes the bytes of one Artifact. Ends by `keep` or `discard`; `discard` after either does nothing. */
export interface ContentSink {
  /** Adds bytes. */
  write(bytes: Uint8Array): void;
  /** Makes the content readable under its ID. */
  keep(): void;
  /** Forgets the content. */
  discard(): void;
}

/** Where the bytes of Artifacts are kept, by ID. */
export interface ContentStore {
  /** Begins a content. */
  create(id: string): ContentSink;
  /** A part of a content, `length` bytes from `first`. */
  open(id: string, first: number, length: number): BodySource;
  /** Forgets a content. */
  remove(id: string): void;
}

/** Bytes that a server without a directory keeps of all Artifacts together. */
export const MEMORY_LIMIT_BYTES = 256 * 1024 * 1024;

/**
 * Keeps contents in memory, {@link MEMORY_LIMIT_BYTES} in all.
 * Writing more is refused with `server.too-large`.
 */
export function memoryContent(): ContentStore {
  const contents = new Map<string, Buffer>();
  let used = 0;
  return {
    create(id) {
      let chunks: Uint8Array[] = [];
      let size = 0;
      const discard = (): void => {
        used -= size;
        size = 0;
        chunks = [];
      };
      return {
        write(bytes) {
          if (used + bytes.length > MEMORY_LIMIT_BYTES) {
            throw new ServerRefusal(
              "server.too-large",
              `the Artifacts of this server take more than ${MEMORY_LIMIT_BYTES} bytes of memory`,
            );
          }
          used += bytes.length;
          size += bytes.length;
          chunks.push(bytes.slice());
        },
        keep() {
          contents.set(id, Buffer.concat(chunks));
          size = 0;
        },
        discard,
      };
    },
    open(id, first, length) {
      const content = contents.get(id);
      if (content === undefined) throw gone();
      const part = content.subarray(first, first + length);
      return { sizeBytes: length, read: (offset, count) => part.subarray(offset, offset + count) };
    },
    remove(id) {
      used -= contents.get(id)?.length ?? 0;
      contents.delete(id);
    },
  };
}

/**
 * Keeps contents as files `<directory>/<id>`; what an upload left unfinished is `<id>.part`.
 * Writing to a full disk is refused with `server.no-space`.
 */
export function directoryContent(files: FileDriver, directory: string): ContentStore {
  files.makeDirectory(directory);
  for (const name of files.list(directory)) {
    if (name.endsWith(".part")) files.remove(join(directory, name));
  }
  return {
    create(id) {
      const part = join(directory, `${id}.part`);
      const handle = storing(() => files.open(part, "create"));
      let isOpen = true;
      let isPart = true;
      const close = (): void => {
        if (isOpen) handle.close();
        isOpen = false;
      };
      return {
        write: (bytes) => storing(() => handle.write(bytes)),
        keep: () =>
          storing(() => {
            handle.sync();
            close();
            files.rename(part, join(directory, id));
            isPart = false;
            files.syncDirectory(directory);
          }),
        discard() {
          close();
          if (isPart) files.remove(part);
          isPart = false;
        },
      };
    },
    open(id, first, length) {
      const path = join(directory, id);
      if (files.stat(path) === undefined) throw gone();
      return {
        sizeBytes: length,
        read: (offset, count) =>
          readPart(files, path, first + offset, Math.min(count, length - offset)),
      };
    },
    remove: (id) => {
      files.remove(join(directory, id));
    },
  };
}

// Opened for each read: a download may be abandoned at any time, and no handle must outlive it.
function readPart(files: FileDriver, path: string, position: number, length: number): Uint8Array {
  const handle: FileHandle = files.open(path, "read");
  try {
    const bytes = new Uint8Array(length);
    let size = 0;
    while (size < length) {
      const count = handle.read(bytes.subarray(size), position + size);
      if (count === 0) break;
      size += count;
    }
    return bytes.subarray(0, size);
  } finally {
    handle.close();
  }
}

function gone(): ServerRefusal {
  return new ServerRefusal("server.not-found", "the content of the Artifact is gone");
}
