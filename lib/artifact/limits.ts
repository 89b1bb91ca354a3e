import { refusal } from "./refusal.ts";

/** What an Artifact may make the reader hold, count or accept. Sizes are in bytes. */
export interface ArtifactLimits {
  /** Size of `version`. */
  readonly versionBytes: number;
  /** Size of `manifest`, which is held whole. */
  readonly manifestBytes: number;
  /** Size of `manifest.sig`. */
  readonly signatureBytes: number;
  /** Size of the header member as it is stored, compressed or not. */
  readonly headerBytes: number;
  /** Size of each of `header-info`, `files`, `type-info` and `meta-data`, which are held whole. */
  readonly documentBytes: number;
  /** Nesting of objects and lists in a document. */
  readonly documentDepth: number;
  /** Number of state scripts. */
  readonly scripts: number;
  /** Size of all state scripts together. */
  readonly scriptBytes: number;
  /** Number of payload files. */
  readonly payloadFiles: number;
  /** Size of all payload files together, and of the payload member as it is stored. */
  readonly payloadBytes: number;
  /** Size of a pax record or GNU long name in front of a tar member. */
  readonly tarExtensionBytes: number;
  /** Zero bytes after the end marker of a tar archive (writers fill up a record). */
  readonly tarFillBytes: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** Limits far above what real Artifacts need (artifact-format section 7, where it names a figure). */
export const DEFAULT_LIMITS: ArtifactLimits = {
  versionBytes: 4 * KIB,
  manifestBytes: MIB,
  signatureBytes: 16 * KIB,
  headerBytes: 32 * MIB,
  documentBytes: MIB,
  documentDepth: 64,
  scripts: 1000,
  scriptBytes: 16 * MIB,
  payloadFiles: 10_000,
  payloadBytes: 64 * GIB,
  tarExtensionBytes: 16 * KIB,
  tarFillBytes: MIB,
};

/** Throws `artifact.too-large` when `found` exceeds `most`; `what` and `unit` go into the message. */
export function checkLimit(what: string, found: number, most: number, unit = "bytes"): void {
  if (found > most) {
    throw refusal("artifact.too-large", `${what}: ${found} ${unit}, at most ${most} are accepted`);
  }
}
