import type { Gunzip } from "node:zlib";
import { abandonment, refusal } from "../refusal.ts";
import { releaseBuffer } from "./release_buffer.ts";

/** Size of the buffers that an engine fills one after another: its option `chunkSize`. */
export const ENGINE_CHUNK_BYTES = 128 * 1024;

/** What differs between the formats that the runtime's zlib module reads. */
export interface ZlibFormat {
  /** Name of the format, for messages. */
  readonly name: string;
  /** The stream that decompresses. */
  readonly engine: Gunzip;
}

/**
 * One zlib stream in flowing mode: its own pace is the back-pressure, since the sink is immediate.
 */
export class ZlibDecompressor {
  readonly #member: string;
  readonly #format: ZlibFormat;
  #failure: unknown;
  #fedBytes = 0;
  #hasEnded = false;
  /** Wakes whoever waits for the engine. */
  #wake: () => void = () => {};

  /** Starts a stream; `member` is for messages, `sink` takes what was decompressed, at once. */
  constructor(member: string, format: ZlibFormat, sink: (bytes: Uint8Array) => void) {
    this.#member = member;
    this.#format = format;
    const { engine } = format;
    engine.on("data", (bytes: Uint8Array) => {
      if (this.#failure !== undefined) return;
      try {
        sink(bytes);
        // The engine is done with a buffer that is full to its end, and takes another one.
        const { buffer, byteOffset, length } = bytes;
        const isFull = byteOffset + length === ENGINE_CHUNK_BYTES;
        if (isFull && buffer.byteLength === ENGINE_CHUNK_BYTES) releaseBuffer(buffer);
      } catch (error) {
        this.#fail(error);
      }
    });
    engine.on("end", () => {
      this.#hasEnded = true;
      this.#wake();
    });
    engine.on("error", (error: Error & { code?: string }) => this.#fail(this.#explain(error)));
    engine.on("close", () => this.#wake());
  }

  /** Takes the next chunk; settles when all it held was passed on. Throws {@link ArtifactError}. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#check();
    if (this.#hasEnded) throw this.#trailingData();
    this.#fedBytes += bytes.length;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      // The callback comes when the engine has read the chunk to its end and emitted the output.
      this.#format.engine.write(bytes, () => resolve());
    });
    this.#check();
  }

  /** Says that the member is complete, and checks that it is. Throws {@link ArtifactError}. */
  async end(): Promise<void> {
    this.#check();
    if (!this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#format.engine.end();
      });
    }
    this.#check();
    // zlib stops silently at zero bytes behind the last gzip member; the difference tells.
    if (this.#format.engine.bytesWritten !== this.#fedBytes) throw this.#trailingData();
  }

  /** Frees the engine; a write under way rejects. */
  destroy(): void {
    this.#fail(abandonment());
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#format.engine.destroy();
    this.#wake();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #explain(error: Error & { code?: string }): Error {
    return error.code === "Z_BUF_ERROR"
      ? refusal("artifact.truncated", `"${this.#member}" ends in mid-stream`, { cause: error })
      : refusal("artifact.bad-compression", `"${this.#member}" is not sound ${this.#format.name}`, {
        cause: error,
      });
  }

  #trailingData(): Error {
    return refusal(
      "artifact.trailing-data",
      `data follows the ${this.#format.name} stream in "${this.#member}"`,
    );
  }
}
