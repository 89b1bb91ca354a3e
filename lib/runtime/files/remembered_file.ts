import type { Clock } from "../clock.ts";
import type { FileDriver, FileInfo } from "./file_driver.ts";

/**
 * A file that changed less than this ago may change once more without another time stamp: the clocks of file
 * systems tick in steps, up to two seconds on FAT.
 */
const SETTLED_MS = 5000;

/** What a file says, read again only when the file is another one or was written to. */
export class RememberedFile<T> {
  readonly #files: FileDriver;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #read: (files: FileDriver, path: string) => T;
  readonly #isKept: (value: T) => boolean;
  #mark: FileInfo | undefined;
  #value: T | undefined;

  /**
   * Nothing is read yet.
   *
   * @param path The file; links are followed.
   * @param isKept Whether what was read is worth to be remembered: a failure, which may be over, is not.
   */
  constructor(
    files: FileDriver,
    clock: Clock,
    path: string,
    read: (files: FileDriver, path: string) => T,
    isKept: (value: T) => boolean,
  ) {
    this.#files = files;
    this.#clock = clock;
    this.#path = path;
    this.#read = read;
    this.#isKept = isKept;
  }

  /** What it says now. Throws what reading throws. */
  get(): T {
    const mark = this.#look();
    if (mark !== undefined && isSame(mark, this.#mark)) return this.#value as T;
    // Looked at before it is read: what is written meanwhile is seen at the next look.
    const value = this.#read(this.#files, this.#path);
    this.#mark = this.#isKept(value) ? mark : undefined;
    this.#value = value;
    return value;
  }

  /** Tells versions of the file apart; `undefined` when two of them might not be. */
  #look(): FileInfo | undefined {
    let info;
    try {
      info = this.#files.stat(this.#path, { follow: true });
    } catch {
      return undefined; // reading it tells what is wrong
    }
    if (info === undefined || info.modifiedAtMs === 0) return undefined;
    if (Math.abs(this.#clock.now() - info.modifiedAtMs) < SETTLED_MS) return undefined;
    return info;
  }
}

function isSame(one: FileInfo, other: FileInfo | undefined): boolean {
  return one.modifiedAtMs === other?.modifiedAtMs && one.sizeBytes === other.sizeBytes &&
    one.identity === other.identity && one.mode === other.mode && one.uid === other.uid &&
    one.gid === other.gid;
}
