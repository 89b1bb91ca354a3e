import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Dependency } from "./dependency_tree.ts";

/** What the bill of materials is for. */
export interface Subject {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** The tarball. */
  readonly path: string;
}

/** A bill of materials as CycloneDX 1.5 has it; the same input gives the same text. */
export function cycloneDx(subject: Subject, tree: readonly Dependency[]): unknown {
  const { name, version, license, path } = subject;
  const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
  const reference = purl(name, version);
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": reference,
        name,
        version,
        purl: reference,
        licenses: [{ license: { id: license } }],
        hashes: [{ alg: "SHA-256", content: digest }],
      },
    },
    components: tree.map((dependency) => ({
      type: "library",
      "bom-ref": purl(dependency.name, dependency.version),
      name: dependency.name,
      version: dependency.version,
      scope: dependency.isOptional ? "optional" : "required",
      purl: purl(dependency.name, dependency.version),
      licenses: [{ license: { id: dependency.license } }],
      ...(dependency.integrity?.startsWith("sha512-") && {
        hashes: [{ alg: "SHA-512", content: hexOf(dependency.integrity.slice(7)) }],
      }),
    })),
  };
}

function purl(name: string, version: string): string {
  return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
}

function hexOf(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}
