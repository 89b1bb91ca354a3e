import { Buffer } from "node:buffer";
import { createHash, type KeyObject, sign } from "node:crypto";
import * as zlib from "node:zlib";
import {
  joined,
  TAR_END,
  tarArchive,
  type TarEntry,
  tarFill,
  tarHeader,
  tarMember,
} from "./tar_writer.ts";

/** A payload file: its bytes, or how many to make up. */
export interface ArtifactFileSpec {
  /** Base name. */
  readonly name: string;
  /** The content, or the size in bytes and the seed of a made-up one (see {@link seededContent}). */
  readonly content: Uint8Array | { readonly sizeBytes: number; readonly seed: number };
}

/** What an Artifact shall hold. */
export interface ArtifactSpec {
  /** Name of the Artifact. */
  readonly name: string;
  /** Group that the Artifact provides. */
  readonly group?: string;
  /** Device types that it is for. */
  readonly deviceTypes: readonly string[];
  /** Type of the payload (name of the Update Module); `null` for an empty one. */
  readonly payloadType: string | null;
  /** Files of the payload, in this order. */
  readonly files: readonly ArtifactFileSpec[];
  /** Provides of the payload. */
  readonly provides?: Readonly<Record<string, string>>;
  /** Depends of the payload; `artifact_name` and `artifact_group` (lists) go into the header's. */
  readonly depends?: Readonly<Record<string, string | readonly string[]>>;
  /** Patterns of provides to clear; not the same absent as empty. */
  readonly clearsProvides?: readonly string[];
  /** Compression of header and payload; `zst` takes a runtime that has it. */
  readonly compression: "gz" | "none" | "zst";
  /** State scripts, in this order. */
  readonly scripts?: readonly { readonly name: string; readonly content: string }[];
  /** Private key, RSA or ECDSA P-256; unsigned when absent. */
  readonly signWith?: KeyObject;
  /** Meta-data for the Update Module. */
  readonly metaData?: Readonly<Record<string, unknown>>;
  /** What the Artifact is augmented with, which is never signed. */
  readonly augment?: ArtifactAugmentSpec;
}

/** What `manifest-augment` and `header-augment.tar` shall add to an Artifact. */
export interface ArtifactAugmentSpec {
  /** Type of the payload; that of the Artifact when absent. */
  readonly payloadType?: string;
  /** Files behind those of the Artifact. */
  readonly files?: readonly ArtifactFileSpec[];
  /** Provides of the payload. */
  readonly provides?: Readonly<Record<string, string>>;
  /** Depends of the payload. */
  readonly depends?: Readonly<Record<string, string | readonly string[]>>;
  /** Patterns of provides to clear; not the same absent as empty. */
  readonly clearsProvides?: readonly string[];
  /** Meta-data for the Update Module. */
  readonly metaData?: Readonly<Record<string, unknown>>;
}

const SUFFIXES = { none: "", gz: ".gz", zst: ".zst" } as const;
/** Bytes that {@link seededContent} makes at a time. */
const BLOCK_BYTES = 64 * 1024;

/**
 * Writes a Mender Artifact, format 3. Equal input gives equal bytes (ECDSA signatures apart).
 *
 * A writer for tests and development: it does not check what it is told, so that unsound Artifacts can
 * be made too. For large payloads use {@link artifactChunks}.
 */
export function writeArtifact(spec: ArtifactSpec): Uint8Array {
  return joined(artifactChunks(spec));
}

/**
 * Writes a Mender Artifact piece by piece. Without compression, made-up contents are never held whole,
 * so that an Artifact may be larger than memory; compressed payloads are made in memory.
 *
 * @returns Chunks that are valid until the next one is asked for.
 */
export function* artifactChunks(spec: ArtifactSpec): Generator<Uint8Array, void> {
  const suffix = SUFFIXES[spec.compression];
  const version = Buffer.from('{"format":"mender","version":3}');
  const header = compressed(tarArchive(headerEntries(spec)), spec);
  const manifest = Buffer.from(manifestText([
    ...spec.files.map(manifestEntry),
    [`header.tar${suffix}`, sha256([header])],
    ["version", sha256([version])],
  ]));
  yield tarMember({ name: "version", content: version });
  yield tarMember({ name: "manifest", content: manifest });
  if (spec.signWith !== undefined) {
    const content = signManifest(manifest, spec.signWith);
    yield tarMember({ name: "manifest.sig", content });
  }
  const augment = spec.augment && compressed(tarArchive(augmentEntries(spec, spec.augment)), spec);
  const augmentName = `header-augment.tar${suffix}`;
  if (augment !== undefined) {
    const content = manifestText([
      ...(spec.augment?.files ?? []).map(manifestEntry),
      [augmentName, sha256([augment])],
    ]);
    yield tarMember({ name: "manifest-augment", content });
  }
  yield tarMember({ name: `header.tar${suffix}`, content: header });
  if (augment !== undefined) yield tarMember({ name: augmentName, content: augment });
  yield* dataMember(spec, `data/0000.tar${suffix}`);
  yield TAR_END;
}

/**
 * Makes up a content that is the same for the same seed and does not compress well.
 *
 * @returns Chunks of up to 64 KiB that are valid until the next one is asked for.
 */
export function* seededContent(sizeBytes: number, seed: number): Generator<Uint8Array, void> {
  const words = new Uint32Array(BLOCK_BYTES / 4);
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  const block = new Uint8Array(words.buffer);
  for (let doneBytes = 0, index = 0; doneBytes < sizeBytes; index++) {
    words[0] = index; // one changed word is enough for no two blocks to be equal
    const bytes = block.subarray(0, Math.min(BLOCK_BYTES, sizeBytes - doneBytes));
    doneBytes += bytes.length;
    yield bytes;
  }
}

/** The manifest of these names and checksums, sorted by name. */
export function manifestText(
  entries: readonly (readonly [name: string, sha256: string])[],
): string {
  return [...entries].sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, sum]) => `${sum}  ${name}\n`).join("");
}

/** The content of `manifest.sig`: RSA as PKCS#1 v1.5, ECDSA as r and s, in base64. */
export function signManifest(manifest: Uint8Array, key: KeyObject): string {
  const signature = sign("sha256", manifest, { key, dsaEncoding: "ieee-p1363" });
  return signature.toString("base64");
}

function manifestEntry(file: ArtifactFileSpec): [name: string, sha256: string] {
  return [`data/0000/${file.name}`, contentSha256(file)];
}

function allFiles(spec: ArtifactSpec): readonly ArtifactFileSpec[] {
  return [...spec.files, ...(spec.augment?.files ?? [])];
}

/** `header-info` with the payload type alone, type-info and meta-data. */
function augmentEntries(spec: ArtifactSpec, augment: ArtifactAugmentSpec): TarEntry[] {
  const payloadType = augment.payloadType ?? spec.payloadType;
  const headerInfo = { payloads: [{ type: payloadType }] };
  return [
    { name: "header-info", content: JSON.stringify(headerInfo) },
    ...payloadEntries({ ...augment, payloadType }),
  ];
}

function headerEntries(spec: ArtifactSpec): TarEntry[] {
  const { artifact_name, artifact_group, ...depends } = spec.depends ?? {};
  const headerInfo = {
    payloads: [{ type: spec.payloadType }],
    artifact_provides: { artifact_name: spec.name, artifact_group: spec.group },
    artifact_depends: { device_type: spec.deviceTypes, artifact_name, artifact_group },
  };
  const entries: TarEntry[] = [{ name: "header-info", content: JSON.stringify(headerInfo) }];
  for (const { name, content } of spec.scripts ?? []) {
    entries.push({ name: `scripts/${name}`, content });
  }
  return [...entries, ...payloadEntries({ ...spec, depends })];
}

type PayloadSpec = Omit<ArtifactAugmentSpec, "payloadType" | "files"> & {
  readonly payloadType: string | null;
};

function payloadEntries(spec: PayloadSpec): TarEntry[] {
  const depends = spec.depends ?? {};
  const typeInfo = {
    type: spec.payloadType,
    artifact_depends: Object.keys(depends).length === 0 ? undefined : depends,
    artifact_provides: spec.provides,
    clears_artifact_provides: spec.clearsProvides,
  };
  const entries = [{ name: "headers/0000/type-info", content: JSON.stringify(typeInfo) }];
  if (spec.metaData !== undefined) {
    entries.push({ name: "headers/0000/meta-data", content: JSON.stringify(spec.metaData) });
  }
  return entries;
}

function* dataMember(spec: ArtifactSpec, name: string): Generator<Uint8Array, void> {
  if (spec.compression !== "none") {
    const content = compressed(joined(dataArchive(spec)), spec);
    yield tarMember({ name, content });
    return;
  }
  let sizeBytes = TAR_END.length;
  for (const file of allFiles(spec)) {
    const size = contentSize(file);
    sizeBytes += 512 + size + tarFill(size).length;
  }
  yield tarHeader(name, sizeBytes);
  yield* dataArchive(spec);
}

function* dataArchive(spec: ArtifactSpec): Generator<Uint8Array, void> {
  for (const file of allFiles(spec)) {
    const size = contentSize(file);
    yield tarHeader(file.name, size);
    yield* contentOf(file);
    yield tarFill(size);
  }
  yield TAR_END;
}

function contentOf({ content }: ArtifactFileSpec): Iterable<Uint8Array> {
  return content instanceof Uint8Array ? [content] : seededContent(content.sizeBytes, content.seed);
}

function contentSize({ content }: ArtifactFileSpec): number {
  return content instanceof Uint8Array ? content.length : content.sizeBytes;
}

function contentSha256(file: ArtifactFileSpec): string {
  return sha256(contentOf(file));
}

function sha256(chunks: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}

function compressed(bytes: Uint8Array, spec: ArtifactSpec): Uint8Array {
  switch (spec.compression) {
    case "none":
      return bytes;
    case "gz":
      return zlib.gzipSync(bytes);
    case "zst":
      return zstd(bytes);
  }
}

function zstd(bytes: Uint8Array): Uint8Array {
  const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Uint8Array) => Uint8Array };
  if (zstdCompressSync !== undefined) return zstdCompressSync(bytes);
  throw new RangeError("Cannot write the Artifact: this runtime has no zstd");
}
