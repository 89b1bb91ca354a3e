import { createHash, type KeyObject } from "node:crypto";
import type { Compression } from "./compression/compression.ts";
import { createDecompressor } from "./compression/create_decompressor.ts";
import type { Decompressor } from "./compression/decompressor.ts";
import { type ArtifactDescription, type ArtifactFile, describeArtifact } from "./description.ts";
import { type HeaderContents, HeaderReader } from "./header/header_reader.ts";
import { type ArtifactLimits, checkLimit, DEFAULT_LIMITS } from "./limits.ts";
import {
  type AugmentManifest,
  type Manifest,
  parseAugmentManifest,
  parseManifest,
} from "./manifest.ts";
import { type MemberKind, memberKind } from "./member_kind.ts";
import { checkSha256, PayloadReader } from "./payload_reader.ts";
import { abandonment, quoted, refusal } from "./refusal.ts";
import { findSigner } from "./signature.ts";
import { type TarEvent, TarReader } from "./tar/tar_reader.ts";
import { keyFingerprint } from "./verify_keys.ts";
import { type FormatVersion, parseVersionFile } from "./version_file.ts";

/** What an {@link ArtifactReader} needs to know. */
export interface ArtifactReaderOptions {
  /**
   * Keys of which one must have signed the Artifact (see `readVerifyKeys`), and all of it: none may be
   * augmented. Empty: unsigned Artifacts are accepted, and a signature is noted but not verified.
   */
  readonly verifyKeys: readonly KeyObject[];
  /**
   * Called once, when the header is verified and before any byte of the payload is looked at. What it
   * throws refuses the Artifact, and comes out of `push` as it is.
   */
  readonly onDescription?: (description: ArtifactDescription) => void | Promise<void>;
  /** Limits that differ from {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<ArtifactLimits>;
}

type Part = "start" | MemberKind["part"];

/** What may follow what in the outer archive (artifact-format section 1). */
const FOLLOWERS: Readonly<Record<Part, readonly Part[]>> = {
  start: ["version"],
  version: ["manifest"],
  manifest: ["signature", "manifest-augment", "header"],
  signature: ["manifest-augment", "header"],
  "manifest-augment": ["header"],
  header: ["data"],
  "header-augment": ["data"],
  data: [],
};

/** Takes the content of one member of the outer archive. */
interface MemberSink {
  write(bytes: Uint8Array): void | Promise<void>;
  end(): void | Promise<void>;
}

/**
 * Reads and verifies a Mender Artifact while it streams by, once, in constant memory.
 *
 * Everything is checked in the order of the file: version, manifest, signature, header (and what
 * augments manifest and header), then each payload file at its end. Until `finish` has settled, only the checks passed so far hold: what is
 * done with the payload before must be reversible.
 *
 * After an error the reader is dead: it has freed what it held, and further calls fail the same way.
 *
 * ```ts ignore
 * const reader = new ArtifactReader({ verifyKeys, onDescription: (d) => checkFitsDevice(d, device) });
 * try {
 *   for await (const chunk of chunks) await reader.push(chunk);
 *   const description = await reader.finish();
 * } finally {
 *   reader.abandon();
 * }
 * ```
 *
 * @see artifact-format section 7
 */
export class ArtifactReader {
  readonly #options: ArtifactReaderOptions;
  readonly #limits: ArtifactLimits;
  readonly #tar: TarReader;
  #part: Part = "start";
  #sink: MemberSink | undefined;
  #decompressor: Decompressor | undefined;
  #isBusy = false;
  #isFinished = false;
  #failure: { readonly error: unknown } | undefined;

  #formatVersion: FormatVersion | undefined;
  #versionSha256 = "";
  #manifestBytes: Uint8Array | undefined;
  #manifest: Manifest | undefined;
  #augmentManifest: AugmentManifest | undefined;
  #header: HeaderContents | undefined;
  #isSigned = false;
  #signedBy: string | undefined;
  #description: ArtifactDescription | undefined;
  #payloadCompression: Compression | undefined;
  #files: ArtifactFile[] = [];

  /** Makes a reader for one Artifact. */
  constructor(options: ArtifactReaderOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#tar = new TarReader("the Artifact", this.#limits);
  }

  /**
   * Takes the next bytes of the Artifact, any number of them. Once it has settled the chunk is not
   * used any more; until then it must not be changed, nor another one pushed.
   *
   * @throws {ArtifactError} Any code of `ArtifactErrorCode` except `artifact.truncated` of the whole;
   * or what `onDescription` threw; `artifact.abandoned` after {@link abandon}.
   * @throws {TypeError} Called after `finish`, or while another call is under way.
   */
  async push(chunk: Uint8Array): Promise<void> {
    this.#enter("push");
    try {
      for (const event of this.#tar.read(chunk)) {
        const pending = this.#onEvent(event);
        if (pending !== undefined) {
          await pending;
          this.#checkAlive();
        }
      }
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#isBusy = false;
    }
  }

  /**
   * Says that there are no more bytes, and checks that the Artifact is complete. Whether the transport
   * delivered all that was sent is for the caller to know: here a short Artifact is a bad one.
   *
   * @returns The description with all payload files.
   * @throws {ArtifactError} `artifact.truncated`; `artifact.bad-order` when a member is missing;
   * `artifact.missing-signature`; `artifact.missing-file`; or the failure of an earlier call.
   * @throws {TypeError} Called twice, or while a push is under way.
   */
  // deno-lint-ignore require-await -- every failure comes as a rejection, as with push
  async finish(): Promise<ArtifactDescription> {
    this.#enter("finish");
    try {
      const description = this.#complete();
      this.#isFinished = true;
      return description;
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Stops reading and frees what is held; harmless after `finish`. A push under way rejects. */
  abandon(): void {
    if (this.#isFinished) return;
    this.#fail(abandonment());
  }

  #enter(call: string): void {
    this.#checkAlive();
    if (this.#isFinished) throw new TypeError(`Cannot ${call}: the Artifact is finished`);
    if (this.#isBusy) throw new TypeError(`Cannot ${call}: another call is under way`);
    this.#isBusy = true;
  }

  #checkAlive(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Keeps the first failure, and returns it. */
  #fail(error: unknown): unknown {
    this.#failure ??= { error };
    this.#decompressor?.destroy();
    this.#decompressor = undefined;
    this.#sink = undefined;
    return this.#failure.error;
  }

  #onEvent(event: TarEvent): void | Promise<void> {
    switch (event.type) {
      case "data":
        return this.#sink?.write(event.bytes);
      case "member":
        return this.#open(event.name, event.sizeBytes);
      case "memberEnd":
        return this.#sink?.end();
    }
  }

  #open(name: string, sizeBytes: number): void {
    const kind = memberKind(name);
    if (kind === undefined || !this.#followers().includes(kind.part)) {
      throw this.#outOfOrder(quoted(name));
    }
    if (kind.part !== "signature") this.#checkSignaturePresent();
    if (kind.part === "manifest-augment") this.#checkAugmentAllowed(name);
    this.#part = kind.part;
    this.#sink = this.#sinkFor(kind, name, sizeBytes);
  }

  #followers(): readonly Part[] {
    // Both augmenting members, or none; version 2 knows neither.
    if (this.#part === "header" && this.#augmentManifest !== undefined) return ["header-augment"];
    const followers = FOLLOWERS[this.#part];
    if (this.#formatVersion !== 2) return followers;
    return followers.filter((part) => part !== "manifest-augment");
  }

  #sinkFor(kind: MemberKind, name: string, sizeBytes: number): MemberSink {
    const limits = this.#limits;
    switch (kind.part) {
      case "version":
        checkLimit(quoted(name), sizeBytes, limits.versionBytes);
        return collect(sizeBytes, (bytes) => this.#onVersion(bytes));
      case "manifest":
        checkLimit(quoted(name), sizeBytes, limits.manifestBytes);
        return collect(sizeBytes, (bytes) => this.#onManifest(bytes));
      case "signature":
        checkLimit(quoted(name), sizeBytes, limits.signatureBytes);
        return collect(sizeBytes, (bytes) => this.#onSignature(bytes));
      case "manifest-augment":
        checkLimit(quoted(name), sizeBytes, limits.manifestBytes);
        return collect(sizeBytes, (bytes) => {
          this.#augmentManifest = parseAugmentManifest(bytes, this.#manifest!, limits);
        });
      case "header":
      case "header-augment":
        checkLimit(quoted(name), sizeBytes, limits.headerBytes);
        return this.#headerSink(kind, name);
      case "data":
        checkLimit(quoted(name), sizeBytes, limits.payloadBytes);
        return this.#payloadSink(kind.compression, name);
    }
  }

  #onVersion(bytes: Uint8Array): void {
    this.#versionSha256 = createHash("sha256").update(bytes).digest("hex");
    this.#formatVersion = parseVersionFile(bytes);
  }

  #onManifest(bytes: Uint8Array): void {
    this.#manifestBytes = bytes;
    // What it says is used after the signature only; with keys there is no need to read it earlier.
    if (this.#options.verifyKeys.length === 0) this.#useManifest();
  }

  #onSignature(bytes: Uint8Array): void {
    this.#isSigned = true;
    const keys = this.#options.verifyKeys;
    if (keys.length === 0) return;
    this.#signedBy = keyFingerprint(findSigner(this.#manifestBytes!, bytes, keys));
    this.#useManifest();
  }

  #useManifest(): void {
    this.#manifest = parseManifest(this.#manifestBytes!, this.#limits);
    this.#manifestBytes = undefined;
    checkSha256(`"version"`, this.#versionSha256, this.#manifest.versionSha256);
  }

  #checkSignaturePresent(): void {
    if (this.#options.verifyKeys.length === 0 || this.#part !== "manifest") return;
    throw refusal(
      "artifact.missing-signature",
      `it has no "manifest.sig", and keys are configured`,
      {
        hint: "Sign the Artifact, or remove the verification keys from the configuration",
      },
    );
  }

  /** No signature ever covers an augment, so with keys there is none that may pass. */
  #checkAugmentAllowed(name: string): void {
    if (this.#options.verifyKeys.length === 0) return;
    throw refusal(
      "artifact.unsigned-augment",
      `it is augmented (${quoted(name)}), which no signature covers, and keys are configured`,
      { hint: "Write the Artifact without an augment, and sign all of it" },
    );
  }

  #headerSink(
    { part, compression }: { readonly part: string; readonly compression: Compression },
    name: string,
  ): MemberSink {
    const isAugment = part === "header-augment";
    const { header: wanted } = isAugment ? this.#augmentManifest! : this.#manifest!;
    if (name !== wanted.name) {
      throw refusal(
        "artifact.bad-manifest",
        `the manifest lists "${wanted.name}", found "${name}"`,
      );
    }
    const headerKind = isAugment ? "augment" : this.#formatVersion!;
    const header = new HeaderReader(quoted(name), headerKind, this.#limits);
    const hash = createHash("sha256");
    const decompressor = createDecompressor(compression, name, (bytes) => header.write(bytes));
    this.#decompressor = decompressor;
    return {
      write: (bytes) => {
        hash.update(bytes);
        return decompressor.write(bytes);
      },
      end: async () => {
        checkSha256(quoted(name), hash.digest("hex"), wanted.sha256);
        await decompressor.end();
        decompressor.destroy();
        await this.#onHeader(header.finish(), isAugment);
      },
    };
  }

  async #onHeader(header: HeaderContents, isAugment: boolean): Promise<void> {
    if (!isAugment) this.#header = header;
    const augmentManifest = this.#augmentManifest;
    if (augmentManifest !== undefined && !isAugment) return; // described when its augment is there
    this.#description = describeArtifact(this.#header!, {
      formatVersion: this.#formatVersion!,
      manifest: this.#manifest!,
      isSigned: this.#isSigned,
      signedBy: this.#signedBy,
      ...(augmentManifest && { augment: { header, manifest: augmentManifest } }),
      limits: this.#limits,
    });
    this.#header = undefined;
    await this.#options.onDescription?.(this.#description);
  }

  #payloadSink(compression: Compression, name: string): MemberSink {
    this.#payloadCompression = compression;
    const payload = new PayloadReader(quoted(name), this.#promisedPayload(), this.#limits);
    const decompressor = createDecompressor(compression, name, (bytes) => payload.write(bytes));
    this.#decompressor = decompressor;
    const finish = () => {
      decompressor.destroy();
      payload.finish();
      this.#files = payload.files();
    };
    return {
      write: (bytes) => decompressor.write(bytes),
      end: () => {
        const pending = decompressor.end();
        return pending === undefined ? finish() : pending.then(finish);
      },
    };
  }

  /** Checksums of all payload files, by name; the two manifests never list the same one. */
  #promisedPayload(): ReadonlyMap<string, string> {
    const { payload } = this.#manifest!;
    if (this.#augmentManifest === undefined) return payload;
    return new Map([...payload, ...this.#augmentManifest.payload]);
  }

  #complete(): ArtifactDescription {
    this.#tar.finish();
    if (this.#description === undefined) {
      if (this.#part === "manifest") this.#checkSignaturePresent();
      throw this.#outOfOrder("the end");
    }
    const found = new Set(this.#files.map((file) => file.name));
    for (const name of this.#promisedPayload().keys()) {
      if (found.has(name)) continue;
      throw refusal("artifact.missing-file", `the payload file ${quoted(name)} is not there`);
    }
    return {
      ...this.#description,
      files: this.#files,
      compression: this.#payloadCompression ?? this.#description.compression,
    };
  }

  #outOfOrder(found: string): Error {
    const wanted = this.#followers().join(" or ") || "the end";
    return refusal("artifact.bad-order", `found ${found} where ${wanted} must stand`, {
      ...(this.#part === "start" ? { hint: "Check that the file is a Mender Artifact" } : {}),
    });
  }
}

/** Holds a small member whole; its size was checked before. */
function collect(sizeBytes: number, done: (bytes: Uint8Array) => void): MemberSink {
  const bytes = new Uint8Array(sizeBytes);
  let filledBytes = 0;
  return {
    write(piece) {
      bytes.set(piece, filledBytes);
      filledBytes += piece.length;
    },
    end: () => done(bytes),
  };
}
