import { IdentityError, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { writeFileAtomic } from "../runtime/atomic_file.ts";
import type { FileDriver, FileInfo } from "../runtime/file_driver.ts";
import { readOwned } from "../runtime/owned_file.ts";
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

/** Traces of other clients in the data directory; times in milliseconds, where they are known. */
export interface ClientTraces {
  /** The database of the Go and C++ clients. */
  readonly menderStore: { readonly modifiedAtMs?: number } | undefined;
  /** The deployment log that mender-python-client makes anew at each start. */
  readonly pythonLog: { readonly modifiedAtMs?: number } | undefined;
}

/**
 * Decides how the identity is written, once and for all: the server takes a device whose identity
 * changes for a new one.
 *
 * The configuration wins, then the stored decision. Otherwise the client that ran here before
 * decides, see {@link identityFormAfter}, and the decision is stored.
 *
 * @throws {IdentityError} `identity.form-unreadable`, `identity.form-unwritable`: a decision that may
 * be forgotten is none.
 * @see architecture §2, last paragraph
 */
export function decideIdentityForm(options: IdentityFormOptions): IdentityForm {
  const { files, paths, uid, configured, logger } = options;
  if (configured !== "auto") return configured;
  const stored = readDecision(files, paths.identityFormat, uid);
  if (stored !== undefined) return stored;
  const form = identityFormAfter({
    menderStore: traceOf(files, paths.menderStore),
    pythonLog: traceOf(files, paths.legacyDeploymentLog),
  });
  try {
    writeFileAtomic(files, paths.identityFormat, `${form}\n`, 0o600);
  } catch (error) {
    throw new IdentityError(
      "identity.form-unwritable",
      `Cannot store the form of the identity in ${paths.identityFormat}: ${messageOf(error)}`,
      { cause: error, hint: "Check that the data directory exists, is writable and has space" },
    );
  }
  logger.log("info", `The identity is written in the form ${form} from now on`);
  return form;
}

/**
 * The form that the client used that ran here last: the Go and C++ clients write single values alone,
 * mender-python-client always writes lists. A device where none ran gets the form of Go and C++.
 *
 * Where both have left a trace, the later one counts, because its identity is the one the server
 * knows best. Where times do not tell, mender-python-client counts: it is what this client replaces.
 */
export function identityFormAfter({ menderStore, pythonLog }: ClientTraces): IdentityForm {
  if (pythonLog === undefined) return "scalar";
  if (menderStore === undefined) return "array";
  const { modifiedAtMs: python } = pythonLog;
  const { modifiedAtMs: mender } = menderStore;
  return python !== undefined && mender !== undefined && mender > python ? "scalar" : "array";
}

function readDecision(files: FileDriver, path: string, uid: number): IdentityForm | undefined {
  let bytes: Uint8Array | undefined;
  try {
    bytes = readOwned(files, path, uid, 64);
  } catch (error) {
    throw unreadable(path, messageOf(error), error);
  }
  if (bytes === undefined) return undefined;
  const text = new TextDecoder().decode(bytes).trim();
  if (text === "array" || text === "scalar") return text;
  throw unreadable(path, `wanted "array" or "scalar", found ${JSON.stringify(text)}`);
}

function traceOf(files: FileDriver, path: string): { modifiedAtMs?: number } | undefined {
  const info: (FileInfo & { modifiedAtMs?: number }) | undefined = files.stat(path);
  return info;
}

function unreadable(path: string, reason: string, cause?: unknown): IdentityError {
  return new IdentityError(
    "identity.form-unreadable",
    `Cannot read the form of the identity from ${path}: ${reason}`,
    { cause, hint: 'Set "IdentityFormat" in mender.conf to "array" or "scalar"' },
  );
}
