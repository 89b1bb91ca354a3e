import { isDeploymentId } from "../core/deployment_id.ts";
import { removeDurably, writeFileAtomic } from "../runtime/files/atomic_file.ts";
import { type FileDriver, readText } from "../runtime/files/file_driver.ts";
import { storeFailure } from "./store_failure.ts";

/**
 * What the lock file says: nothing there, the deployment in progress, or a content that is no
 * deployment ID (it still means "in progress").
 */
export type LockState =
  | { readonly kind: "none" }
  | { readonly kind: "held"; readonly deploymentId: string }
  | { readonly kind: "unreadable"; readonly why: string };

/**
 * `update.lock`: exists while a deployment is in the hands of the sub-updater, and holds the
 * deployment ID and nothing else.
 *
 * @see client-behaviour A2: the file that mender-python-client and its sub-updaters share
 */
export class LockFile {
  readonly #files: FileDriver;
  readonly #path: string;

  /** Names the lock; nothing is read or written yet. */
  constructor(files: FileDriver, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Reads the lock; blanks around the ID, a final newline above all, are not part of it. */
  read(): LockState {
    let text: string | undefined;
    try {
      text = readText(this.#files, this.#path, 4096, { follow: true })?.trim();
    } catch (error) {
      return { kind: "unreadable", why: storeFailure("read the lock", this.#path, error).message };
    }
    if (text === undefined) return { kind: "none" };
    if (isDeploymentId(text)) return { kind: "held", deploymentId: text };
    return { kind: "unreadable", why: `Cannot find a deployment ID in ${this.#path}` };
  }

  /** Takes the lock, durably. Throws a {@link StoreError}; the lock is then as before. */
  write(deploymentId: string): void {
    try {
      // Readable by all, as the Python client's: sub-updaters may run as another user.
      writeFileAtomic(this.#files, this.#path, deploymentId, 0o644);
    } catch (error) {
      throw storeFailure("write the lock", this.#path, error);
    }
  }

  /** Removes the lock, durably; `false` when there was none. */
  remove(): boolean {
    try {
      return removeDurably(this.#files, this.#path);
    } catch (error) {
      throw storeFailure("remove the lock", this.#path, error);
    }
  }
}
