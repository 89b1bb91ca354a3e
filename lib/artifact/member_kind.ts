import { type Compression, compressionOfSuffix } from "./decompressor.ts";
import { refusal } from "./refusal.ts";

/** What a member of the outer archive is, by its exact name (artifact-format §1). */
export type MemberKind =
  | { readonly part: "version" | "manifest" | "signature" }
  | { readonly part: "header" | "data"; readonly compression: Compression };

const PLAIN: Readonly<Record<string, "version" | "manifest" | "signature">> = {
  "version": "version",
  "manifest": "manifest",
  "manifest.sig": "signature",
};
const COMPRESSED = /^(header|data\/0000)\.tar(\.[a-z0-9]+)?$/;
const AUGMENT = /^(manifest-augment|header-augment\.tar(\.[a-z0-9]+)?)$/;

/**
 * Tells what a member is.
 *
 * @returns `undefined` when the format knows no such member.
 * @throws {ArtifactError} `artifact.augmented`; `artifact.unsupported-compression`.
 */
export function memberKind(name: string): MemberKind | undefined {
  const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
  if (plain !== undefined) return { part: plain };
  if (AUGMENT.test(name)) {
    throw refusal("artifact.augmented", `augmented Artifacts are not supported ("${name}")`);
  }
  const match = COMPRESSED.exec(name);
  if (match === null) return undefined;
  const compression = compressionOfSuffix(match[2] ?? "", name);
  if (compression === undefined) return undefined;
  return { part: match[1] === "header" ? "header" : "data", compression };
}
