import { dirname } from "../core/posix_path.ts";
import type { ArtifactDescription, ArtifactReader } from "../artifact/mod.ts";
import type { DownloadTarget } from "../download/resumable_download.ts";
import type { FileVersion } from "../download/file_version.ts";
import type { FileDriver, FileHandle } from "../runtime/files/file_driver.ts";
import { StoreError } from "../core/errors.ts";
import { storeFailure } from "../store/store_failure.ts";

/** Bytes that are read back at a time when a download is resumed. */
const READ_BACK_BYTES = 256 * 1024;
/** Bytes that are read back at most without a moment for anything else. */
const BREATH_BYTES = 8 << 20;
/** Room that is left free beside the Artifact: for the record, the log and the sub-updater's first steps. */
const SPARE_BYTES = 1 << 20;
/** Bytes after which what is stored is written through to the disk, while more arrives. */
const SYNC_STEP_BYTES = 16 << 20;

/** What an {@link ArtifactTarget} stands on. */
export interface ArtifactTargetOptions {
  /** Files of the machine. */
  readonly files: FileDriver;
  /** The part file. */
  readonly path: string;
  /** Makes the reader that checks the Artifact; one per pass over it. */
  readonly makeReader: () => ArtifactReader;
  /** Told each version of the file before any byte of it is stored. */
  readonly onVersion: (version: FileVersion) => void;
  /** Told how many bytes are stored, and how many there will be. */
  readonly onProgress: (storedBytes: number, totalBytes: number | undefined) => void;
}

/**
 * The part file and the reader that checks it: each byte is stored and checked in one pass, when it
 * arrives. What an earlier process stored is read back once, and never fetched again.
 */
export class ArtifactTarget implements DownloadTarget {
  readonly #options: ArtifactTargetOptions;
  readonly #handle: FileHandle;
  #reader: ArtifactReader;
  #offset = 0;
  #totalBytes: number | undefined;
  /** Bytes that are durable, or soon will be. */
  #syncedBytes = 0;
  #isSyncing = false;

  /** Opens the part file, or makes it. Nothing is read yet. */
  constructor(options: ArtifactTargetOptions) {
    this.#options = options;
    this.#handle = this.#guard("open", () => options.files.open(options.path, "update"));
    this.#reader = options.makeReader();
  }

  /** Bytes that are stored and checked. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Checks what is in the part file, at the speed of the disk; the download goes on behind it.
   *
   * @param breathe Waits for a moment, in which signals and other work are heard of; rejects to end it.
   * @throws {ArtifactError} It is damaged, or no Artifact for this device.
   * @throws What `breathe` throws; the part file is as it was.
   */
  async readBack(breathe: () => Promise<void>): Promise<void> {
    const buffer = new Uint8Array(READ_BACK_BYTES);
    for (let unheardBytes = 0;;) {
      if (unheardBytes >= BREATH_BYTES) {
        await breathe();
        unheardBytes = 0;
      }
      const count = this.#guard("read", () => this.#handle.read(buffer, this.#offset));
      if (count === 0) return;
      await this.#reader.push(buffer.subarray(0, count));
      this.#offset += count;
      unheardBytes += count;
    }
  }

  /** Forgets everything that is stored. */
  restart(): Promise<void> {
    this.#guard("cut", () => this.#handle.truncate(0));
    this.#reader.abandon();
    this.#reader = this.#options.makeReader();
    this.#offset = this.#syncedBytes = 0;
    return Promise.resolve();
  }

  /** Stores and checks the next bytes. */
  write(chunk: Uint8Array): Promise<void> {
    this.#guard("store", () => this.#handle.write(chunk, this.#offset));
    this.#offset += chunk.length;
    this.#syncBeside();
    this.#options.onProgress(this.#offset, this.#totalBytes);
    return this.#reader.push(chunk);
  }

  /** Checks that there is room for the file before any of its bytes is stored. */
  onVersion(version: FileVersion): void {
    this.#totalBytes = version.totalBytes;
    if (version.totalBytes !== undefined) this.#checkRoom(version.totalBytes - this.#offset);
    this.#options.onVersion(version);
    this.#options.onProgress(this.#offset, this.#totalBytes);
  }

  /**
   * Finishes the check and makes the file durable.
   *
   * @throws {ArtifactError} Something is missing, or too much.
   */
  async finish(): Promise<ArtifactDescription> {
    const description = await this.#reader.finish();
    this.#guard("store", () => {
      // A part file of an earlier, longer download must not leave its end behind.
      this.#handle.truncate(this.#offset);
      this.#handle.sync();
      this.#options.files.syncDirectory(dirname(this.#options.path));
    });
    return description;
  }

  /** Closes the file; what is stored stays. */
  close(): void {
    this.#reader.abandon();
    this.#handle.close();
  }

  /** Keeps the disk busy while the network is: at the end there is little left to wait for. */
  #syncBeside(): void {
    if (this.#isSyncing || this.#offset - this.#syncedBytes < SYNC_STEP_BYTES) return;
    this.#isSyncing = true;
    this.#syncedBytes = this.#offset;
    const { files, path } = this.#options;
    files.syncBeside(path).then(() => this.#isSyncing = false);
  }

  #checkRoom(neededBytes: number): void {
    const { files, path } = this.#options;
    const freeBytes = this.#guard("find room for", () => files.freeBytes(dirname(path)));
    if (neededBytes + SPARE_BYTES <= freeBytes) return;
    throw new StoreError(
      "store.no-space",
      `Cannot store the Artifact (${path}): it needs ${neededBytes} bytes more, ${freeBytes} are free, ` +
        `and ${SPARE_BYTES} must stay free`,
      { hint: "Free some space there", retry: "never" },
    );
  }

  #guard<T>(verb: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      const stored = `${this.#offset} bytes were stored`;
      throw storeFailure(`${verb} the Artifact, of which ${stored},`, this.#options.path, error);
    }
  }
}
