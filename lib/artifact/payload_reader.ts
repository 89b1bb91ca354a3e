import { createHash, type Hash } from "node:crypto";
import type { ArtifactFile } from "./description.ts";
import { type ArtifactLimits, checkLimit } from "./limits.ts";
import { checkPayloadName } from "./manifest.ts";
import { quoted, refusal } from "./refusal.ts";
import { TarReader } from "./tar/tar_reader.ts";

/** Checks the payload files against the manifest as they pass by; keeps none of their content. */
export class PayloadReader {
  readonly #tar: TarReader;
  readonly #promised: ReadonlyMap<string, string>;
  readonly #limits: ArtifactLimits;
  readonly #files = new Map<string, ArtifactFile>();
  #totalBytes = 0;
  #current: { name: string; sizeBytes: number; wanted: string; hash: Hash } | undefined;

  /**
   * Makes a reader; `archive` names the member in messages, quotes included.
   *
   * @param promised Checksums of the payload files, by name.
   */
  constructor(archive: string, promised: ReadonlyMap<string, string>, limits: ArtifactLimits) {
    this.#tar = new TarReader(archive, limits);
    this.#promised = promised;
    this.#limits = limits;
  }

  /** Takes the next bytes of the decompressed archive. Throws {@link ArtifactError}. */
  write(bytes: Uint8Array): void {
    for (const event of this.#tar.read(bytes)) {
      if (event.type === "data") this.#current!.hash.update(event.bytes);
      else if (event.type === "member") this.#open(event.name, event.sizeBytes);
      else this.#close();
    }
  }

  /** Checks that the archive is complete. Throws `artifact.truncated`. */
  finish(): void {
    this.#tar.finish();
  }

  /** The files that were verified, in the order of the archive. */
  files(): ArtifactFile[] {
    return [...this.#files.values()];
  }

  #open(name: string, sizeBytes: number): void {
    checkPayloadName(name);
    const wanted = this.#promised.get(name);
    if (wanted === undefined) {
      throw refusal(
        "artifact.unlisted-file",
        `the payload file ${quoted(name)} is not in the manifest`,
      );
    }
    if (this.#files.has(name)) {
      throw refusal("artifact.duplicate-file", `the payload file ${quoted(name)} is there twice`);
    }
    this.#totalBytes += sizeBytes;
    checkLimit("the payload files", this.#totalBytes, this.#limits.payloadBytes);
    this.#current = { name, sizeBytes, wanted, hash: createHash("sha256") };
  }

  #close(): void {
    const { name, sizeBytes, wanted, hash } = this.#current!;
    this.#current = undefined;
    const sha256 = hash.digest("hex");
    checkSha256(`the payload file ${quoted(name)}`, sha256, wanted);
    this.#files.set(name, { name, sizeBytes, sha256 });
  }
}

/** Throws `artifact.bad-checksum` unless both SHA-256, in hexadecimal, are the same. */
export function checkSha256(what: string, found: string, wanted: string): void {
  if (found === wanted) return;
  throw refusal(
    "artifact.bad-checksum",
    `${what} has the SHA-256 ${found}, the manifest says ${wanted}`,
  );
}
