import type { Compression } from "./compression/compression.ts";
import { mergeOnce, parseTextList } from "./header/attributes.ts";
import { mergeAugment, parseAugment } from "./header/augment.ts";
import { parseDocument } from "./header/document.ts";
import { parseHeaderInfo } from "./header/header_info.ts";
import type { HeaderContents } from "./header/header_reader.ts";
import { parseTypeInfo } from "./header/type_info.ts";
import type { ArtifactLimits } from "./limits.ts";
import type { AugmentManifest, Manifest } from "./manifest.ts";
import { quoted, refusal } from "./refusal.ts";
import type { FormatVersion } from "./version_file.ts";

/** One verified file of the payload. */
export interface ArtifactFile {
  /** Base name. */
  readonly name: string;
  /** Size of the content, uncompressed, in bytes. */
  readonly sizeBytes: number;
  /** Checksum of the content, lower-case hexadecimal. */
  readonly sha256: string;
}

/** What was added to an Artifact by `manifest-augment` and `header-augment.tar`. */
export interface ArtifactAugment {
  /** Names of payload files; `files` lists them with the others. */
  readonly files: readonly string[];
  /** Keys of `provides` that are added or replaced. */
  readonly provides: readonly string[];
  /** Keys of `depends` that are added or replaced. */
  readonly depends: readonly string[];
}

/** What an Artifact says about itself. Covered by its checksums, and by its signature if verified. */
export interface ArtifactDescription {
  /** Version of the Artifact format. */
  readonly formatVersion: FormatVersion;
  /** Name of the Artifact (`artifact_name`). */
  readonly name: string;
  /** Group of the Artifact (`artifact_group`). */
  readonly group?: string;
  /** Device types that the Artifact is for; at least one. */
  readonly deviceTypes: readonly string[];
  /** Types of the payloads, at present exactly one; `null` for an empty payload. */
  readonly payloadTypes: readonly (string | null)[];
  /** What the device provides after the commit; includes `artifact_name` and `artifact_group`. */
  readonly provides: Readonly<Record<string, string>>;
  /** What the device must provide, as lists of alternatives; includes `device_type`. */
  readonly depends: Readonly<Record<string, readonly string[]>>;
  /** Patterns of provides that go away at the commit; absent is not the same as empty: all go away. */
  readonly clearsProvides?: readonly string[];
  /** The payload files in the order of the Artifact; empty until the reader has finished. */
  readonly files: readonly ArtifactFile[];
  /** Names of the state scripts. */
  readonly scripts: readonly string[];
  /** Whether there is a signature; it was verified only if `signedBy` is there. */
  readonly isSigned: boolean;
  /** Fingerprint of the key that verified the signature: SHA-256 of its DER, hexadecimal. */
  readonly signedBy?: string;
  /**
   * What the Artifact was augmented with; absent for most. No signature ever covers it: it is never
   * there together with `signedBy`.
   */
  readonly augment?: ArtifactAugment;
  /** Compression of the payload; of the header until the reader has finished. */
  readonly compression: Compression;
}

/** What the description is made of, apart from the header. */
export interface DescriptionContext {
  /** From the `version` member. */
  readonly formatVersion: FormatVersion;
  /** From the `manifest` member. */
  readonly manifest: Manifest;
  /** Whether `manifest.sig` is there. */
  readonly isSigned: boolean;
  /** Fingerprint of the key that verified it. */
  readonly signedBy: string | undefined;
  /** The augmenting parts, when the Artifact has them. */
  readonly augment?: { readonly header: HeaderContents; readonly manifest: AugmentManifest };
  /** Limits for the documents. */
  readonly limits: ArtifactLimits;
}

/**
 * Reads the documents of a verified header, and checks that they agree with each other and with the
 * manifest; lays those of the augmenting header over them.
 *
 * @throws {ArtifactError} `artifact.bad-header`.
 */
export function describeArtifact(
  header: HeaderContents,
  context: DescriptionContext,
): ArtifactDescription {
  const { formatVersion, manifest, isSigned, signedBy } = context;
  const maxDepth = context.limits.documentDepth;
  const info = parseHeaderInfo(header.headerInfo, formatVersion, maxDepth);
  const { payloadType } = info;
  const own = {
    payloadType,
    ...parseTypeInfo(header.typeInfo, payloadType, formatVersion, maxDepth),
  };
  checkMetaData(header.metaData, maxDepth);
  if (info.payloadType === null) checkEmptyPayload(header, manifest);
  if (header.files !== undefined) checkFileList(header.files, manifest, maxDepth);
  const augment = context.augment && parseAugment(context.augment.header, info, maxDepth);
  if (augment !== undefined) checkMetaData(context.augment?.header.metaData, maxDepth);
  const type = augment === undefined ? own : mergeAugment(own, augment);
  const provides = mergeOnce(info.provides, type.provides, "provides");
  const depends = mergeOnce(info.depends, type.depends, "depends");
  const group = provides.get("artifact_group");
  return {
    formatVersion,
    name: info.provides.get("artifact_name")!,
    ...(group === undefined ? {} : { group }),
    deviceTypes: info.depends.get("device_type")!,
    payloadTypes: [type.payloadType],
    provides: Object.fromEntries(provides),
    depends: Object.fromEntries(depends),
    ...(type.clearsProvides === undefined ? {} : { clearsProvides: type.clearsProvides }),
    files: [],
    scripts: header.scripts,
    isSigned,
    ...(signedBy === undefined ? {} : { signedBy }),
    ...(augment === undefined ? {} : {
      augment: {
        files: [...context.augment!.manifest.payload.keys()],
        provides: [...augment.provides.keys()],
        depends: [...augment.depends.keys()],
      },
    }),
    compression: manifest.header.compression,
  };
}

/** Meta-data is for the Update Module; here it only has to be nothing or an object. */
function checkMetaData(bytes: Uint8Array | undefined, maxDepth: number): void {
  if (bytes === undefined || bytes.length === 0) return;
  parseDocument(bytes, "headers/0000/meta-data", "artifact.bad-header", maxDepth);
}

function checkEmptyPayload(header: HeaderContents, manifest: Manifest): void {
  if (manifest.payload.size > 0) {
    throw refusal("artifact.bad-header", "its payload is empty, but the manifest lists files");
  }
  if (header.metaData !== undefined && header.metaData.length > 0) {
    throw refusal("artifact.bad-header", "its payload is empty, but has meta-data");
  }
}

/** Version 2 lists the payload files a second time (artifact-format section 9). */
function checkFileList(bytes: Uint8Array, manifest: Manifest, maxDepth: number): void {
  const member = "headers/0000/files";
  const document = parseDocument(bytes, member, "artifact.bad-header", maxDepth);
  const names = parseTextList(document.files, `"${member}"`);
  const unique = new Set(names);
  const stranger = names.find((name) => !manifest.payload.has(name));
  if (
    stranger === undefined && unique.size === names.length && unique.size === manifest.payload.size
  ) {
    return;
  }
  throw refusal(
    "artifact.bad-header",
    stranger === undefined
      ? `"${member}" and the manifest list different files`
      : `"${member}" lists ${quoted(stranger)}, the manifest does not`,
  );
}
