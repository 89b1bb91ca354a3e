import { IdentityError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { writeFileAtomic } from "../runtime/files/atomic_file.ts";
import type { FileDriver } from "../runtime/files/file_driver.ts";
import { fileReason } from "../runtime/files/file_reason.ts";
import { readOwned } from "../runtime/files/owned_file.ts";
import type { IdentityForm } from "./parse_identity.ts";

/** What the form is decided by. */
export interface IdentityFormOptions {
  /** Files of the machine. */
  readonly files: FileDriver;
  /** The stored decision, and the traces that other clients leave. */
  readonly paths: {
    readonly identityFormat: string;
    readonly menderStore: string;
    readonly legacyDeploymentLog: string;
  };
  /** User that this process runs as; the stored decision must belong to it. */
  readonly uid: number;
  /** `IdentityFormat` of the configuration. */
  readonly configured: "auto" | IdentityForm;
  /** Hears of a decision. */
  readonly logger: Logger;
}

/**
 * Decides how the identity is written, once and for all: the server takes a device whose identity
 * changes for a new one.
 *
 * The configuration wins, then the stored decision. Otherwise the traces of earlier clients decide, and
 * the decision is stored: the deployment log of mender-python-client means lists; the database of the
 * Go and C++ clients, or no trace at all, means that single values stand alone. With both, lists: on
 * such a device mender is the sub-updater, which installs and never authenticates.
 *
 * @throws {IdentityError} `identity.form-unreadable`, `identity.form-unwritable`: a decision that may
 * be forgotten is none.
 * @see architecture section 2, last paragraph; the case of both traces is decided by the reference sub-updater
 * of mender-python-client, which runs `mender install` in the same data directory
 */
export function decideIdentityForm(options: IdentityFormOptions): IdentityForm {
  const { files, paths, uid, configured, logger } = options;
  if (configured !== "auto") return configured;
  const stored = readDecision(files, paths.identityFormat, uid);
  if (stored !== undefined) return stored;
  const isAfterPython = files.stat(paths.legacyDeploymentLog) !== undefined;
  const isAfterMender = files.stat(paths.menderStore) !== undefined;
  const form: IdentityForm = isAfterPython ? "array" : "scalar";
  if (isAfterPython && isAfterMender) {
    logger.log(
      "warning",
      "Both mender-python-client and mender have run here; if mender was the one that talked to the " +
        'server, set "IdentityFormat" to "scalar"',
    );
  }
  try {
    writeFileAtomic(files, paths.identityFormat, `${form}\n`, 0o600);
  } catch (error) {
    throw new IdentityError(
      "identity.form-unwritable",
      `Cannot store the form of the identity in ${paths.identityFormat}: ${fileReason(error)}`,
      { cause: error, hint: "Check that the data directory exists, is writable and has space" },
    );
  }
  logger.log("info", `The identity is written in the form ${form} from now on`);
  return form;
}

function readDecision(files: FileDriver, path: string, uid: number): IdentityForm | undefined {
  let bytes: Uint8Array | undefined;
  try {
    bytes = readOwned(files, path, uid, 64);
  } catch (error) {
    throw unreadable(path, fileReason(error), error);
  }
  if (bytes === undefined) return undefined;
  const text = new TextDecoder().decode(bytes).trim();
  if (text === "array" || text === "scalar") return text;
  throw unreadable(path, `wanted "array" or "scalar", found ${JSON.stringify(text)}`);
}

function unreadable(path: string, reason: string, cause?: unknown): IdentityError {
  return new IdentityError(
    "identity.form-unreadable",
    `Cannot read the form of the identity from ${path}: ${reason}`,
    { cause, hint: 'Set "IdentityFormat" in mender.conf to "array" or "scalar"' },
  );
}
