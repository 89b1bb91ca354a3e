import { abandonment, refusal } from "../refusal.ts";
import type { DecompressedSink, Decompressor } from "./decompressor.ts";
import { releaseBuffer } from "./release_buffer.ts";

/** Output after which other work gets its turn; the decoder itself never pauses. */
const TURN_BYTES = 8 * 1024 * 1024;

/** What the decoder's numbers mean (`enum xz_ret` of XZ Embedded). */
const OUT_OF_MEMORY = 3;
const TOO_MUCH_MEMORY = 4;
const UNSUPPORTED_OPTIONS = 6;
const ENDS_TOO_EARLY = 8;

/**
 * Reads xz with the npm package `xz-decompress` (WebAssembly), which is loaded with the first byte.
 *
 * It accepts dictionaries of up to 64 MiB, and keeps that memory for the rest of the process. There is
 * one decoder in a process: a second Artifact waits until the first one is read or abandoned.
 */
export class XzDecompressor implements Decompressor {
  readonly #member: string;
  readonly #sink: DecompressedSink;
  #source: ReadableStreamDefaultController<Uint8Array> | undefined;
  #output: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Settles, and never rejects, when the decoder is done. */
  #draining: Promise<void> | undefined;
  /** Whether the decoder waits for input: it has passed on all that was in the input before. */
  #isAsking = false;
  /** Whether it ever did: before that it may still be waiting for its turn. */
  #hasAsked = false;
  #hasEnded = false;
  #failure: unknown;
  #wake: () => void = () => {};

  /** Makes a decompressor; `member` is the name for messages. */
  constructor(member: string, sink: DecompressedSink) {
    this.#member = member;
    this.#sink = sink;
  }

  /** Takes the next chunk; settles when all it held was passed on. Throws {@link ArtifactError}. */
  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return; // to the decoder, an empty chunk is the end
    await this.#input();
    this.#check(); // it may have been given up just now
    this.#isAsking = false;
    this.#source!.enqueue(bytes);
    await this.#input();
  }

  /** Says that the member is complete, and checks that it is. Throws {@link ArtifactError}. */
  async end(): Promise<void> {
    this.#check();
    if (this.#draining === undefined) throw this.#truncated(); // nothing was ever written
    await this.#input();
    this.#check();
    this.#isAsking = false;
    this.#source!.close();
    await this.#draining;
    this.#check();
  }

  /** Frees the decoder; a write under way rejects. */
  destroy(): void {
    if (!this.#hasEnded) this.#fail(abandonment());
  }

  /** Waits until the decoder asks for input. */
  async #input(): Promise<void> {
    this.#check();
    this.#draining ??= this.#drain();
    while (!this.#isAsking && !this.#hasEnded && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    this.#check();
    if (this.#hasEnded) {
      throw refusal("artifact.trailing-data", `data follows the xz stream in "${this.#member}"`);
    }
  }

  async #drain(): Promise<void> {
    try {
      const output = await this.#open();
      for (let sinceTurn = 0;;) {
        const { done, value } = await output.read();
        if (done) break;
        if (this.#failure !== undefined) continue;
        sinceTurn += value.length;
        this.#pass(value);
        if (sinceTurn < TURN_BYTES) continue;
        sinceTurn = 0;
        await new Promise<void>((resolve) => setTimeout(resolve, 0));
      }
      this.#hasEnded = true;
      this.#wake();
    } catch (error) {
      this.#fail(this.#explain(error));
    }
  }

  async #open(): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    // The package is CommonJS, which its types do not say.
    const loaded = await import("xz-decompress") as unknown as {
      readonly default: typeof import("xz-decompress");
    };
    this.#check();
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#source = controller;
      },
      pull: () => {
        this.#hasAsked = this.#isAsking = true;
        this.#release();
        this.#wake();
      },
    }, { highWaterMark: 0 });
    this.#output = new loaded.default.XzReadableStream(source).getReader();
    return this.#output;
  }

  #pass(bytes: Uint8Array): void {
    try {
      this.#sink(bytes);
      releaseBuffer(bytes.buffer); // a copy that the decoder made for us
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#release();
    this.#wake();
  }

  /**
   * Gives the decoder back once something failed. While it waits for its turn it must not be touched:
   * its place in the line cannot be given up, and is given back when its turn comes.
   */
  #release(): void {
    if (this.#failure === undefined || !this.#hasAsked || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#output?.cancel().catch(() => {}); // why it ended is known already, and told
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #truncated(cause?: unknown): Error {
    return refusal("artifact.truncated", `"${this.#member}" ends in mid-stream`, { cause });
  }

  #explain(error: unknown): Error {
    const number = error instanceof Error ? Number(/error code (\d+)/.exec(error.message)?.[1]) : 0;
    const name = `"${this.#member}"`;
    switch (number) {
      case ENDS_TOO_EARLY:
        return this.#truncated(error);
      case OUT_OF_MEMORY:
      case TOO_MUCH_MEMORY:
        return refusal("artifact.too-large", `${name} needs more than 64 MiB of memory for xz`, {
          cause: error,
        });
      case UNSUPPORTED_OPTIONS:
        return refusal(
          "artifact.unsupported-compression",
          `${name} uses a filter or checksum of xz that is not supported`,
          { cause: error, hint: "Write the Artifact with --compression lzma, gzip or none" },
        );
      default:
        return refusal("artifact.bad-compression", `${name} is not sound xz`, { cause: error });
    }
  }
}
