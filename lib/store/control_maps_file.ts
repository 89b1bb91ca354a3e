import type { Logger } from "../core/logger.ts";
import { removeDurably, writeFileAtomic } from "../runtime/files/atomic_file.ts";
import { type FileDriver, readText } from "../runtime/files/file_driver.ts";
import { setAside } from "../runtime/files/set_aside.ts";
import { storeFailure } from "./store_failure.ts";

/** Far more than any device has maps. */
const MAX_BYTES = 8 << 20;

/** `control_maps.json`: the Update Control Maps that a restart must not forget. */
export class ControlMapsFile {
  readonly #files: FileDriver;
  readonly #path: string;
  readonly #logger: Logger;

  /** Names the file; nothing is read or written yet. */
  constructor(files: FileDriver, path: string, logger: Logger) {
    this.#files = files;
    this.#path = path;
    this.#logger = logger;
  }

  /**
   * The stored text; `undefined` when nothing has to be kept.
   *
   * @throws {StoreError} It is there but cannot be read.
   */
  read(): string | undefined {
    try {
      return readText(this.#files, this.#path, MAX_BYTES);
    } catch (error) {
      if (error instanceof RangeError) return ""; // far too large to be ours
      throw storeFailure("read the Update Control Maps", this.#path, error);
    }
  }

  /**
   * Stores the text durably, or removes the file.
   *
   * @throws {StoreError} The old text then still stands.
   */
  write(text: string | undefined): void {
    try {
      if (text === undefined) removeDurably(this.#files, this.#path);
      else writeFileAtomic(this.#files, this.#path, text);
    } catch (error) {
      throw storeFailure("store the Update Control Maps", this.#path, error);
    }
  }

  /** Moves a file that cannot be understood out of the way. */
  setAside(reason: unknown): void {
    try {
      const aside = setAside(this.#files, this.#path);
      this.#logger.log(
        "error",
        `The stored Update Control Maps cannot be understood; they are kept as ${aside}`,
        { hint: "Whoever holds updates has to set its map again" },
        reason,
      );
    } catch (error) {
      throw storeFailure("set the Update Control Maps aside", this.#path, error);
    }
  }
}
