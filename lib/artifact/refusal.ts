import { ArtifactError } from "../core/errors.ts";

/**
 * Why an Artifact is refused. Codes are stable; messages are not.
 *
 * - `artifact.bad-tar`: not a tar archive, or one with a damaged or unusable header.
 * - `artifact.bad-member-type`: a link, directory, device or sparse file where a file must stand.
 * - `artifact.bad-order`: a member that is unknown, missing, repeated or in the wrong place.
 * - `artifact.bad-version`, `artifact.unsupported-version`: the `version` member.
 * - `artifact.bad-manifest`: the `manifest` member, or what it lists, breaks a rule.
 * - `artifact.missing-signature`, `artifact.bad-signature`, `artifact.unsigned-augment`: verification
 *   keys are configured.
 * - `artifact.unsupported-compression`: legal, but not read here.
 * - `artifact.bad-compression`: a compressed member is damaged.
 * - `artifact.bad-header`: a document in the header breaks a rule.
 * - `artifact.bad-name`: the name of a payload file, script or member breaks a rule.
 * - `artifact.bad-checksum`: content differs from what the manifest promises.
 * - `artifact.unlisted-file`, `artifact.duplicate-file`, `artifact.missing-file`: payload files and
 *   manifest do not name the same set.
 * - `artifact.too-large`: a limit is exceeded.
 * - `artifact.truncated`, `artifact.trailing-data`: it ends too early, or something follows.
 * - `artifact.wrong-device-type`, `artifact.wrong-name`, `artifact.unmet-depends`: sound, but not
 *   for this device.
 * - `artifact.abandoned`: says nothing about the Artifact; whoever read it stopped.
 */
export type ArtifactErrorCode =
  | "artifact.bad-tar"
  | "artifact.bad-member-type"
  | "artifact.bad-order"
  | "artifact.bad-version"
  | "artifact.unsupported-version"
  | "artifact.bad-manifest"
  | "artifact.missing-signature"
  | "artifact.bad-signature"
  | "artifact.unsigned-augment"
  | "artifact.unsupported-compression"
  | "artifact.bad-compression"
  | "artifact.bad-header"
  | "artifact.bad-name"
  | "artifact.bad-checksum"
  | "artifact.unlisted-file"
  | "artifact.duplicate-file"
  | "artifact.missing-file"
  | "artifact.too-large"
  | "artifact.truncated"
  | "artifact.trailing-data"
  | "artifact.wrong-device-type"
  | "artifact.wrong-name"
  | "artifact.unmet-depends"
  | "artifact.abandoned";

/**
 * The error for an Artifact that breaks a rule. Reading the same bytes again must fail again, so it
 * is never worth a retry.
 *
 * @param why What was wanted and what was found; goes behind "Cannot read the Artifact: ".
 */
export function refusal(
  code: ArtifactErrorCode,
  why: string,
  options: { cause?: unknown; hint?: string } = {},
): ArtifactError {
  return new ArtifactError(code, `Cannot read the Artifact: ${why}`, {
    ...options,
    retry: "never",
  });
}

/** The error for reading on after the owner stopped; the Artifact may be sound, so a retry can help. */
export function abandonment(): ArtifactError {
  const code: ArtifactErrorCode = "artifact.abandoned";
  return new ArtifactError(code, "Cannot go on reading the Artifact: reading was abandoned");
}

/**
 * Characters that JSON leaves as they are, and that a terminal may obey: DEL and C1 controls, and those
 * that turn the direction of writing.
 */
const UNFIT = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A name from the Artifact, made fit for a message: in quotes, escaped, at most 100 characters. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}\u2026` : name)
    .replace(UNFIT, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
