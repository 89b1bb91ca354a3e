import { refusal } from "../refusal.ts";
import { isZstdAvailable } from "./zstd_decompressor.ts";

/** How a member is compressed; chosen by the suffix of its name and nothing else. */
export type Compression = "none" | "gz" | "xz" | "zst";

const SUFFIXES: Readonly<Record<string, Compression>> = {
  "": "none",
  ".gz": "gz",
  ".xz": "xz",
  ".zst": "zst",
};

/**
 * The compression that a suffix stands for.
 *
 * @param suffix With its dot; empty for none.
 * @param member Name of the member, for the message.
 * @returns `undefined` for a suffix that the format does not know.
 * @throws {ArtifactError} `artifact.unsupported-compression`: zstd, on a runtime without it.
 */
export function compressionOfSuffix(suffix: string, member: string): Compression | undefined {
  const found = Object.hasOwn(SUFFIXES, suffix) ? SUFFIXES[suffix] : undefined;
  if (found !== "zst" || isZstdAvailable()) return found;
  throw refusal(
    "artifact.unsupported-compression",
    `"${member}" is compressed with zstd, which this runtime cannot read`,
    { hint: "Run on Deno, or on Node 22.15 or newer; or write the Artifact with gzip or xz" },
  );
}
