import { type Compression, compressionOfSuffix } from "./compression/compression.ts";
import { type ArtifactLimits, checkLimit } from "./limits.ts";
import { isPayloadFileName } from "./names.ts";
import { quoted, refusal } from "./refusal.ts";

/** What the manifest promises. Checksums are SHA-256 in lower-case hexadecimal. */
export interface Manifest {
  /** Checksum of the `version` member. */
  readonly versionSha256: string;
  /** The one header member: its exact name, how it is compressed, its checksum as stored. */
  readonly header: {
    readonly name: string;
    readonly compression: Compression;
    readonly sha256: string;
  };
  /** Checksums of the payload files (their content, uncompressed), by base name. */
  readonly payload: ReadonlyMap<string, string>;
}

const LINE = /^([0-9a-f]{64}) {2}([^ ].*)$/;
const HEADER = /^header\.tar(\.[a-z0-9]+)?$/;
const HEADER_AUGMENT = /^header-augment\.tar(\.[a-z0-9]+)?$/;
const PAYLOAD_FOLDER = "data/0000/";

/**
 * Reads the manifest: one line a file, `<sha256>  <name>\n`, in any order, each name once.
 *
 * @throws {ArtifactError} `artifact.bad-manifest`; `artifact.bad-name` for a payload file;
 * `artifact.unsupported-compression` for the header; `artifact.too-large` for too many files.
 * @see artifact-format section 2
 */
export function parseManifest(bytes: Uint8Array, limits: ArtifactLimits): Manifest {
  let versionSha256: string | undefined;
  let header: Manifest["header"] | undefined;
  const payload = new Map<string, string>();
  for (const [sha256, name] of entriesOf(bytes, limits)) {
    const headerMatch = HEADER.exec(name);
    if (name === "version") {
      if (versionSha256 !== undefined) throw listedTwice(name);
      versionSha256 = sha256;
    } else if (headerMatch !== null) {
      if (header !== undefined) throw listedTwice("header.tar");
      header = { name, compression: listedCompression(headerMatch[1], name), sha256 };
    } else if (name.startsWith(PAYLOAD_FOLDER)) addPayload(payload, name, sha256);
    else throw bad(`it lists ${quoted(name)}, which no member holds`);
  }
  if (versionSha256 === undefined) throw bad(`it does not list "version"`);
  if (header === undefined) throw bad("it lists no header");
  return { versionSha256, header, payload };
}

/** What `manifest-augment` promises beside the manifest; no signature covers it. */
export type AugmentManifest = Pick<Manifest, "header" | "payload">;

/**
 * Reads `manifest-augment`: the same form, for `header-augment.tar` and further payload files. A name
 * that the manifest lists may not be here.
 *
 * @throws {ArtifactError} Those of {@link parseManifest}.
 * @see artifact-format section 1, rows 4 and 6
 */
export function parseAugmentManifest(
  bytes: Uint8Array,
  signed: Manifest,
  limits: ArtifactLimits,
): AugmentManifest {
  let header: Manifest["header"] | undefined;
  const payload = new Map<string, string>();
  for (const [sha256, name] of entriesOf(bytes, limits)) {
    const match = HEADER_AUGMENT.exec(name);
    if (match !== null) {
      if (header !== undefined) throw listedTwice("header-augment.tar");
      const compression = listedCompression(match[1], name);
      if (compression !== signed.header.compression) {
        throw bad(`it lists ${quoted(name)}, which is compressed unlike "${signed.header.name}"`);
      }
      header = { name, compression, sha256 };
    } else if (name.startsWith(PAYLOAD_FOLDER)) {
      if (signed.payload.has(name.slice(PAYLOAD_FOLDER.length))) throw listedTwice(name);
      addPayload(payload, name, sha256);
    } else throw bad(`"manifest-augment" lists ${quoted(name)}, which it may not`);
  }
  if (header === undefined) throw bad(`"manifest-augment" lists no header-augment.tar`);
  return { header, payload };
}

/** Throws `artifact.bad-name` unless a payload file may have this name. */
export function checkPayloadName(name: string): void {
  if (isPayloadFileName(name)) return;
  throw refusal(
    "artifact.bad-name",
    `a payload file is called ${quoted(name)}, wanted letters, digits and _ - . , (at most 100)`,
  );
}

function entriesOf(bytes: Uint8Array, limits: ArtifactLimits): [sha256: string, name: string][] {
  const lines = linesOf(bytes);
  checkLimit("the manifest", lines.length, limits.payloadFiles + 2, "lines");
  return lines.map((line, index) => {
    const [, sha256, name] = LINE.exec(line) ?? [];
    if (sha256 !== undefined && name !== undefined) return [sha256, name];
    throw bad(`line ${index + 1} is not a checksum, two blanks and a name`);
  });
}

function listedCompression(suffix: string | undefined, name: string): Compression {
  const compression = compressionOfSuffix(suffix ?? "", name);
  if (compression !== undefined) return compression;
  throw bad(`it lists ${quoted(name)}, which is no member`);
}

function addPayload(payload: Map<string, string>, name: string, sha256: string): void {
  const file = name.slice(PAYLOAD_FOLDER.length);
  checkPayloadName(file);
  if (payload.has(file)) throw listedTwice(name);
  payload.set(file, sha256);
}

function linesOf(bytes: Uint8Array): string[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw refusal("artifact.bad-manifest", "the manifest is not UTF-8", { cause });
  }
  // The Go clients lose an unterminated last line, so such a manifest would mean two things.
  if (!text.endsWith("\n")) throw bad("its last line does not end");
  return text.slice(0, -1).split("\n");
}

function listedTwice(name: string): Error {
  return bad(`it lists ${quoted(name)} twice`);
}

function bad(why: string): Error {
  return refusal("artifact.bad-manifest", `the manifest breaks a rule: ${why}`);
}
