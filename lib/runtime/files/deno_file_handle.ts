import type { FileHandle, FileInfo } from "./file_driver.ts";

/** An open file of Deno's. It knows no reading at a position: there is one that it seeks to. */
export class DenoFileHandle implements FileHandle {
  readonly #infoOf: (info: Deno.FileInfo) => FileInfo;
  #file: Deno.FsFile | undefined;
  /** Where reading and writing without a position go on. */
  #current = 0;
  /** Where the file really stands. */
  #actual = 0;

  /** Takes over an open file; {@link close} closes it. */
  constructor(file: Deno.FsFile, infoOf: (info: Deno.FileInfo) => FileInfo) {
    this.#file = file;
    this.#infoOf = infoOf;
  }

  /** See {@link FileHandle.read}. */
  read(buffer: Uint8Array, position?: number): number {
    const file = this.#at(position ?? this.#current);
    const count = file.readSync(buffer) ?? 0;
    this.#moved(count, position);
    return count;
  }

  /** See {@link FileHandle.write}. */
  write(buffer: Uint8Array, position?: number): void {
    for (let at = 0; at < buffer.length;) {
      const where = position === undefined ? undefined : position + at;
      const file = this.#at(where ?? this.#current);
      const count = file.writeSync(at === 0 ? buffer : buffer.subarray(at));
      this.#moved(count, where);
      at += count;
    }
  }

  /** See {@link FileHandle.truncate}. */
  truncate(sizeBytes: number): void {
    this.#open().truncateSync(sizeBytes);
  }

  /** See {@link FileHandle.stat}. */
  stat(): FileInfo {
    return this.#infoOf(this.#open().statSync());
  }

  /** Not to be had here: such a file is opened with `changes`. */
  changeMode(): void {
    throw new TypeError("Cannot change the mode of a file that was opened without `changes`");
  }

  /** Not to be had here: such a file is opened with `changes`. */
  changeOwner(): void {
    throw new TypeError("Cannot change the owner of a file that was opened without `changes`");
  }

  /** See {@link FileHandle.sync}. */
  sync(): void {
    this.#open().syncSync();
  }

  /** See {@link FileHandle.syncInBackground}. */
  syncInBackground(): Promise<void> {
    return this.#open().sync();
  }

  /** See {@link FileHandle.close}. */
  close(): void {
    const file = this.#file;
    this.#file = undefined;
    file?.close();
  }

  #at(position: number): Deno.FsFile {
    const file = this.#open();
    if (position !== this.#actual) {
      file.seekSync(position, Deno.SeekMode.Start);
      this.#actual = position;
    }
    return file;
  }

  #moved(count: number, position: number | undefined): void {
    this.#actual += count;
    if (position === undefined) this.#current = this.#actual;
  }

  #open(): Deno.FsFile {
    if (this.#file === undefined) throw new TypeError("Cannot use a file that is closed");
    return this.#file;
  }
}
