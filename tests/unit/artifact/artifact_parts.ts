/** Builds Artifacts of which one part is unsound, and reads Artifacts in chunks. */
import { createHash, type KeyObject } from "node:crypto";
import { strict as assert } from "node:assert";
import {
  type ArtifactDescription,
  ArtifactReader,
  type ArtifactReaderOptions,
} from "../../../lib/artifact/mod.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import { manifestText, signManifest } from "../../../lib/testing/artifact_writer.ts";
import { tarArchive, type TarEntry } from "../../../lib/testing/tar_writer.ts";
import { packed } from "../../support/packed.ts";

/** What augments an Artifact; each part has a sound default. */
export interface AugmentParts {
  headerInfo?: unknown;
  typeInfo?: unknown;
  metaData?: string;
  header?: (entries: TarEntry[]) => TarEntry[];
  /** Files behind those of the payload. */
  payload?: TarEntry[];
  suffix?: string;
  manifest?: (text: string) => string;
}

/** Each part has a sound default; a function changes what would be written. */
export interface Parts {
  version?: string;
  headerInfo?: unknown;
  typeInfo?: unknown;
  metaData?: string;
  header?: (entries: TarEntry[]) => TarEntry[];
  payload?: TarEntry[];
  suffix?: string;
  /** Changes the stored header or data member, after compression and before the header's checksum. */
  storedHeader?: (bytes: Uint8Array) => Uint8Array;
  storedData?: (bytes: Uint8Array) => Uint8Array;
  manifest?: (text: string) => string;
  signWith?: KeyObject;
  augment?: AugmentParts;
  outer?: (entries: TarEntry[]) => TarEntry[];
}

export const HEADER_INFO = {
  payloads: [{ type: "test-module" }],
  artifact_provides: { artifact_name: "release-1" },
  artifact_depends: { device_type: ["board"] },
};
export const TYPE_INFO = { type: "test-module", artifact_provides: { "app.version": "1" } };
export const AUGMENT_TYPE_INFO = {
  type: "test-module",
  artifact_provides: { "app.delta": "2" },
  artifact_depends: { "app.base": ["0", "1"] },
};
export const PAYLOAD: TarEntry[] = [
  { name: "first.bin", content: "the first file" },
  { name: "second.txt", content: "x".repeat(1000) },
];

export function build(parts: Parts = {}): Uint8Array {
  const suffix = parts.suffix ?? "";
  const pack = (bytes: Uint8Array) => packed(bytes, suffix);
  const change = <T>(how: ((value: T) => T) | undefined, value: T) => how ? how(value) : value;
  const version = parts.version ?? '{"format":"mender","version":3}';
  const headerEntries: TarEntry[] = [
    { name: "header-info", content: textOf(parts.headerInfo ?? HEADER_INFO) },
    { name: "scripts/ArtifactInstall_Enter_00_x", content: "#!/bin/sh\n" },
    { name: "headers/0000/type-info", content: textOf(parts.typeInfo ?? TYPE_INFO) },
  ];
  if (parts.metaData !== undefined) {
    headerEntries.push({ name: "headers/0000/meta-data", content: parts.metaData });
  }
  const header = change(parts.storedHeader, pack(tarArchive(change(parts.header, headerEntries))));
  const payload = parts.payload ?? PAYLOAD;
  const augment = parts.augment && buildAugment(parts.augment, suffix);
  const files = [...payload, ...(augment?.payload ?? [])];
  const data = change(parts.storedData, pack(tarArchive(files)));
  const manifest = change(
    parts.manifest,
    manifestText([
      ["version", sha256(version)],
      [`header.tar${suffix}`, sha256(header)],
      ...payload.map((file) => [`data/0000/${file.name}`, sha256(file.content)] as const),
    ]),
  );
  const outer: TarEntry[] = [
    { name: "version", content: version },
    { name: "manifest", content: manifest },
    { name: `header.tar${suffix}`, content: header },
    ...(augment === undefined ? [] : [augment.header]),
    { name: `data/0000.tar${suffix}`, content: data },
  ];
  if (augment !== undefined) outer.splice(2, 0, augment.manifest);
  if (parts.signWith !== undefined) {
    const content = signManifest(new TextEncoder().encode(manifest), parts.signWith);
    outer.splice(2, 0, { name: "manifest.sig", content });
  }
  return tarArchive(change(parts.outer, outer));
}

function buildAugment(
  parts: AugmentParts,
  mainSuffix: string,
): { manifest: TarEntry; header: TarEntry; payload: TarEntry[] } {
  const suffix = parts.suffix ?? mainSuffix;
  const payload = parts.payload ?? [{ name: "delta.bin", content: "the augmenting file" }];
  const entries: TarEntry[] = [
    { name: "header-info", content: textOf(parts.headerInfo ?? HEADER_INFO) },
    { name: "headers/0000/type-info", content: textOf(parts.typeInfo ?? AUGMENT_TYPE_INFO) },
  ];
  if (parts.metaData !== undefined) {
    entries.push({ name: "headers/0000/meta-data", content: parts.metaData });
  }
  const header = packed(tarArchive(parts.header?.(entries) ?? entries), suffix);
  const manifest = manifestText([
    [`header-augment.tar${suffix}`, sha256(header)],
    ...payload.map((file) => [`data/0000/${file.name}`, sha256(file.content)] as const),
  ]);
  return {
    manifest: { name: "manifest-augment", content: parts.manifest?.(manifest) ?? manifest },
    header: { name: `header-augment.tar${suffix}`, content: header },
    payload,
  };
}

/** Reads an Artifact in chunks; every chunk is overwritten once it was taken. */
export async function read(
  bytes: Uint8Array,
  options: Partial<ArtifactReaderOptions> = {},
  chunkBytes: number = bytes.length,
): Promise<ArtifactDescription> {
  const reader = new ArtifactReader({ verifyKeys: [], ...options });
  try {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      const chunk = new Uint8Array(bytes.subarray(at, at + chunkBytes));
      await reader.push(chunk);
      chunk.fill(0xff);
    }
    return await reader.finish();
  } finally {
    reader.abandon();
  }
}

/** Asserts that a promise rejects with an error of this code, never worth a retry. */
export async function rejectsWith(code: string, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(isMenderError(error), `a typed error, found: ${error}`);
    assert.equal(error.code, code, error.message);
    assert.equal(error.name, "ArtifactError");
    assert.equal(error.retry, "never");
    return true;
  });
}

export function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

function textOf(document: unknown): string {
  return typeof document === "string" ? document : JSON.stringify(document);
}
