import { createGunzip, type Gunzip } from "node:zlib";
import type { ArtifactError } from "../core/errors.ts";
import { abandonment, refusal } from "./refusal.ts";

/**
 * How a member is compressed; chosen by the suffix of its name and nothing else.
 *
 * A further one (`.xz`, `.zst`) is added in this file: its suffix in `SUFFIXES`, its class in
 * {@link createDecompressor}.
 */
export type Compression = "none" | "gz";

const SUFFIXES: Readonly<Record<string, Compression | "unsupported">> = {
  "": "none",
  ".gz": "gz",
  ".xz": "unsupported",
  ".zst": "unsupported",
};

/**
 * The compression that a suffix stands for.
 *
 * @param suffix With its dot; empty for none.
 * @param member Name of the member, for the message.
 * @returns `undefined` for a suffix that the format does not know.
 * @throws {ArtifactError} `artifact.unsupported-compression`: known to the format, not read here.
 */
export function compressionOfSuffix(suffix: string, member: string): Compression | undefined {
  const found = Object.hasOwn(SUFFIXES, suffix) ? SUFFIXES[suffix] : undefined;
  if (found !== "unsupported") return found;
  throw refusal(
    "artifact.unsupported-compression",
    `"${member}" is compressed as "${suffix}", only gzip and none are supported`,
    { hint: "Write the Artifact again with --compression gzip or none" },
  );
}

/** Takes a compressed member in chunks and passes what is in it on. */
export interface Decompressor {
  /**
   * Takes the next chunk; settles when it is not needed any more and all it held was passed on.
   * Returns nothing when that has happened already.
   */
  write(bytes: Uint8Array): void | Promise<void>;
  /** Says that the member is complete; settles when all was passed on and checked. */
  end(): void | Promise<void>;
  /** Frees what it holds; a write under way rejects. */
  destroy(): void;
}

/**
 * Makes the decompressor of one member.
 *
 * @param member Name of the member, for messages.
 * @param sink Takes what was decompressed, at once; the bytes are valid during the call only. What it
 * throws comes out of `write` or `end`.
 */
export function createDecompressor(
  compression: Compression,
  member: string,
  sink: (bytes: Uint8Array) => void,
): Decompressor {
  switch (compression) {
    case "none":
      return { write: sink, end() {}, destroy() {} };
    case "gz":
      return new GzipDecompressor(member, sink);
  }
}

/** One zlib stream in flowing mode: its own pace is the back-pressure, since the sink is immediate. */
class GzipDecompressor implements Decompressor {
  readonly #member: string;
  readonly #engine: Gunzip;
  #failure: unknown;
  #fedBytes = 0;
  #hasEnded = false;
  /** Wakes whoever waits for the engine. */
  #wake: () => void = () => {};

  constructor(member: string, sink: (bytes: Uint8Array) => void) {
    this.#member = member;
    this.#engine = createGunzip({ chunkSize: 128 * 1024 });
    this.#engine.on("data", (bytes: Uint8Array) => {
      if (this.#failure !== undefined) return;
      try {
        sink(bytes);
      } catch (error) {
        this.#fail(error);
      }
    });
    this.#engine.on("end", () => {
      this.#hasEnded = true;
      this.#wake();
    });
    this.#engine.on(
      "error",
      (error: Error & { code?: string }) => this.#fail(this.#explain(error)),
    );
    this.#engine.on("close", () => this.#wake());
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#check();
    if (this.#hasEnded) throw this.#trailingData();
    this.#fedBytes += bytes.length;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      // The callback comes when the engine has read the chunk to its end and emitted the output.
      this.#engine.write(bytes, () => resolve());
    });
    this.#check();
  }

  async end(): Promise<void> {
    this.#check();
    if (!this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#engine.end();
      });
    }
    this.#check();
    // zlib stops silently at zero bytes behind the last gzip member; the difference tells.
    if (this.#engine.bytesWritten !== this.#fedBytes) throw this.#trailingData();
  }

  destroy(): void {
    this.#failure ??= abandonment();
    this.#engine.destroy();
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#engine.destroy();
    this.#wake();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #explain(error: Error & { code?: string }): ArtifactError {
    return error.code === "Z_BUF_ERROR"
      ? refusal("artifact.truncated", `"${this.#member}" ends in mid-stream`, { cause: error })
      : refusal("artifact.bad-compression", `"${this.#member}" is not sound gzip`, {
        cause: error,
      });
  }

  #trailingData(): ArtifactError {
    return refusal("artifact.trailing-data", `data follows the gzip stream in "${this.#member}"`);
  }
}
