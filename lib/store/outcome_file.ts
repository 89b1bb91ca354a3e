import { join } from "../core/posix_path.ts";
import { StoreError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { parsedJson } from "../core/json.ts";
import { look, object, oneOf, optional, text } from "../core/shape.ts";
import { removeDurably } from "../runtime/files/atomic_file.ts";
import { type FileDriver, readText } from "../runtime/files/file_driver.ts";
import { writeNewFile } from "../runtime/files/new_file.ts";
import { setAside } from "../runtime/files/set_aside.ts";
import { storeFailure } from "./store_failure.ts";

/** How a deployment ended on this device. */
export interface OutcomeRecord {
  /** The final status. */
  readonly status: "success" | "failure";
  /** Why, in one sentence. */
  readonly message?: string | undefined;
}

const OUTCOME = object({ status: oneOf("success", "failure"), message: optional(text()) });

const FILE_NAME = /^\.?outcome\.[0-9A-Fa-f-]{1,64}\.json/;

/**
 * `outcome.<id>.json`: how a deployment ended, as the sub-updater has reported it; written once. It needs
 * neither a daemon nor its lock: of several `report`s at the same time one makes the file, and the others
 * find it. {@link DeploymentRecordFile} takes it into the record.
 */
export class OutcomeFiles {
  readonly #files: FileDriver;
  readonly #directory: string;
  readonly #logger: Logger;

  /** Names the directory; nothing is read or written yet. */
  constructor(files: FileDriver, directory: string, logger: Logger) {
    this.#files = files;
    this.#directory = directory;
    this.#logger = logger;
  }

  /**
   * The outcome of a deployment, or `undefined`. A file that cannot be understood is set aside with a
   * warning, and counts as absent.
   *
   * @throws {StoreError} It is there but cannot be read or moved.
   */
  read(deploymentId: string): OutcomeRecord | undefined {
    const path = this.#path(deploymentId);
    const json = this.#guard("read the outcome", path, () => readText(this.#files, path, 1 << 16));
    if (json === undefined) return undefined;
    const found = look(OUTCOME, parsedJson(json));
    if (found.isFit) return found.value;
    const aside = this.#guard("set aside the outcome", path, () => setAside(this.#files, path));
    this.#logger.log(
      "warning",
      `The recorded outcome cannot be understood; it is kept as ${aside}`,
    );
    return undefined;
  }

  /**
   * Records an outcome, durably. The first one stands.
   *
   * @returns The outcome that stands.
   * @throws {StoreError} It cannot be stored.
   */
  record(deploymentId: string, outcome: OutcomeRecord): OutcomeRecord {
    const path = this.#path(deploymentId);
    for (let attempt = 0; attempt < 3; attempt++) {
      const isFirst = this.#guard(
        "store the outcome",
        path,
        () => writeNewFile(this.#files, path, JSON.stringify(outcome) + "\n"),
      );
      const standing = isFirst ? outcome : this.read(deploymentId);
      // One that could not be understood was set aside: the place is free now.
      if (standing !== undefined) return standing;
    }
    throw new StoreError("store.failed", `Cannot store the outcome (${path})`);
  }

  /** Removes the outcomes of other deployments. */
  clearOthers(deploymentId: string): void {
    const directory = this.#directory;
    const own = this.#path(deploymentId);
    this.#guard("remove old outcomes", directory, () => {
      for (const name of this.#files.list(directory)) {
        const path = join(directory, name);
        if (FILE_NAME.test(name) && path !== own) removeDurably(this.#files, path);
      }
    });
  }

  #path(deploymentId: string): string {
    return join(this.#directory, `outcome.${deploymentId}.json`);
  }

  #guard<T>(what: string, path: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeFailure(what, path, error);
    }
  }
}
