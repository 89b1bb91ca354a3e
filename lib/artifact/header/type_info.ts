import { quoted, refusal } from "../refusal.ts";
import type { FormatVersion } from "../version_file.ts";
import { parseDepends, parseProvides, parseTextList } from "./attributes.ts";
import { parseDocument } from "./document.ts";

/** What `type-info` says about the payload. */
export interface TypeInfo {
  /** What the device provides once this payload is installed. */
  readonly provides: ReadonlyMap<string, string>;
  /** What the device must provide; each value is a list of alternatives. */
  readonly depends: ReadonlyMap<string, string[]>;
  /** Patterns of provides that go away; `undefined` when the Artifact does not say (not the same as `[]`). */
  readonly clearsProvides: readonly string[] | undefined;
}

const MEMBER = "headers/0000/type-info";

/**
 * Reads `type-info`.
 *
 * @param payloadType What `header-info` says; `type-info` must say the same. Writers of rootfs-image
 * Artifacts leave it empty.
 * @throws {ArtifactError} `artifact.bad-header`.
 * @see artifact-format section 4 and, for version 2, which knows the type only, section 9
 */
export function parseTypeInfo(
  bytes: Uint8Array,
  payloadType: string | null,
  version: FormatVersion,
  maxDepth: number,
): TypeInfo {
  const document = parseDocument(bytes, MEMBER, "artifact.bad-header", maxDepth);
  const type = document.type ?? null;
  const isLeftEmpty = payloadType === "rootfs-image" && (type === null || type === "");
  if (type !== payloadType && !isLeftEmpty) {
    throw refusal(
      "artifact.bad-header",
      `"${MEMBER}" has the type ${quoted(String(type))}, "header-info" has ${
        quoted(String(payloadType))
      }`,
    );
  }
  if (version === 2) return { provides: new Map(), depends: new Map(), clearsProvides: undefined };
  const clears = document.clears_artifact_provides;
  return {
    provides: parseProvides(document.artifact_provides, `"${MEMBER}": artifact_provides`),
    depends: parseDepends(document.artifact_depends, `"${MEMBER}": artifact_depends`),
    clearsProvides: clears === undefined
      ? undefined
      : parseTextList(clears, `"${MEMBER}": clears_artifact_provides`),
  };
}
