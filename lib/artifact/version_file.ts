import { refusal } from "./refusal.ts";
import { parseDocument } from "./header/document.ts";

/** Versions of the Artifact format that are read. */
export type FormatVersion = 2 | 3;

/**
 * Reads the `version` member: `{"format":"mender","version":3}`.
 *
 * @throws {ArtifactError} `artifact.bad-version`; `artifact.unsupported-version` for another number.
 * @see artifact-format section 1: further keys are an error in the Go clients, so nothing may depend on them
 */
export function parseVersionFile(bytes: Uint8Array): FormatVersion {
  const { format, version, ...rest } = parseDocument(bytes, "version", "artifact.bad-version");
  if (format !== "mender") {
    throw refusal("artifact.bad-version", `"version" does not say that the format is "mender"`);
  }
  if (typeof version !== "number") {
    throw refusal("artifact.bad-version", `"version" does not hold the version as a number`);
  }
  if (Object.keys(rest).length > 0) {
    throw refusal("artifact.bad-version", `"version" holds more than format and version`);
  }
  if (version !== 2 && version !== 3) {
    throw refusal("artifact.unsupported-version", `format version ${version}, wanted 2 or 3`);
  }
  return version;
}
