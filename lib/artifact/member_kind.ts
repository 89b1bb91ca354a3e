import { type Compression, compressionOfSuffix } from "./compression/compression.ts";

/** What a member of the outer archive is, by its exact name (artifact-format section 1). */
export type MemberKind =
  | { readonly part: "version" | "manifest" | "signature" | "manifest-augment" }
  | { readonly part: CompressedPart; readonly compression: Compression };

/** Parts that may be compressed. */
export type CompressedPart = "header" | "header-augment" | "data";

const PLAIN: Readonly<
  Record<string, "version" | "manifest" | "signature" | "manifest-augment">
> = {
  "version": "version",
  "manifest": "manifest",
  "manifest.sig": "signature",
  "manifest-augment": "manifest-augment",
};
const COMPRESSED = /^(header|header-augment|data\/0000)\.tar(\.[a-z0-9]+)?$/;

/**
 * Tells what a member is.
 *
 * @returns `undefined` when the format knows no such member.
 * @throws {ArtifactError} `artifact.unsupported-compression`.
 */
export function memberKind(name: string): MemberKind | undefined {
  const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
  if (plain !== undefined) return { part: plain };
  const match = COMPRESSED.exec(name);
  if (match === null) return undefined;
  const compression = compressionOfSuffix(match[2] ?? "", name);
  if (compression === undefined) return undefined;
  const part = match[1] === "data/0000" ? "data" : match[1] as CompressedPart;
  return { part, compression };
}
