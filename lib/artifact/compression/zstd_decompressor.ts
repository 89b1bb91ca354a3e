import * as zlib from "node:zlib";
import { checkLimit } from "../limits.ts";
import { abandonment, refusal } from "../refusal.ts";
import type { DecompressedSink, Decompressor } from "./decompressor.ts";
import { ENGINE_CHUNK_BYTES, ZlibDecompressor } from "./zlib_decompressor.ts";
import { MAX_WINDOW_LOG, ZstdFrame } from "./zstd_frame.ts";

/** What newer runtimes have in `node:zlib`; Node 20 has none of it. */
interface ZlibWithZstd {
  readonly createZstdDecompress?: (options: {
    readonly chunkSize: number;
    readonly params: Readonly<Record<number, number>>;
  }) => zlib.Gunzip;
  readonly constants: { readonly ZSTD_d_windowLogMax?: number };
}

const runtime = zlib as ZlibWithZstd;

/** Whether this runtime can read zstd. */
export function isZstdAvailable(): boolean {
  return runtime.createZstdDecompress !== undefined;
}

/** Frames that one member may have; each is a decoder of its own. */
const MAX_FRAMES = 65_536;

interface OpenFrame {
  readonly structure: ZstdFrame;
  readonly content: ZlibDecompressor;
}

/**
 * Reads zstd, of one or several frames.
 *
 * The runtimes differ in what they make of a frame that is cut off or goes on, and most of them make
 * nothing of it; so its structure is followed beside them, and each gets one frame, no more, no less.
 */
export class ZstdDecompressor implements Decompressor {
  readonly #member: string;
  readonly #sink: DecompressedSink;
  #frame: OpenFrame | undefined;
  #frames = 0;
  #failure: unknown;

  /** Makes a decompressor; `member` is the name for messages. */
  constructor(member: string, sink: DecompressedSink) {
    this.#member = member;
    this.#sink = sink;
  }

  /** Takes the next chunk; settles when all it held was passed on. Throws {@link ArtifactError}. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        this.#check();
        const { structure, content } = this.#frame ??= this.#open();
        const piece = bytes.subarray(at);
        const taken = structure.follow(piece);
        await content.write(piece.subarray(0, taken));
        at += taken;
        if (structure.isComplete) await this.#close(content);
      }
    } catch (error) {
      this.#failure ??= error;
    }
    this.#check();
  }

  /** Says that the member is complete, and checks that it is. Throws {@link ArtifactError}. */
  // deno-lint-ignore require-await -- every failure comes as a rejection, as with write
  async end(): Promise<void> {
    this.#check();
    if (this.#frames > 0 && this.#frame === undefined) return;
    throw refusal("artifact.truncated", `"${this.#member}" ends in mid-stream`);
  }

  /** Frees the engine; a write under way rejects. */
  destroy(): void {
    this.#failure ??= abandonment();
    this.#frame?.content.destroy();
  }

  async #close(content: ZlibDecompressor): Promise<void> {
    await content.end();
    content.destroy();
    this.#frame = undefined;
  }

  #open(): OpenFrame {
    checkLimit(`zstd frames in "${this.#member}"`, ++this.#frames, MAX_FRAMES, "frames");
    return {
      structure: new ZstdFrame(this.#member, this.#frames === 1),
      content: new ZlibDecompressor(
        this.#member,
        { name: "zstd", engine: newEngine() },
        this.#sink,
      ),
    };
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function newEngine(): zlib.Gunzip {
  const { createZstdDecompress, constants } = runtime;
  if (createZstdDecompress === undefined) throw new TypeError("This runtime has no zstd");
  const windowLogMax = constants.ZSTD_d_windowLogMax;
  return createZstdDecompress({
    chunkSize: ENGINE_CHUNK_BYTES,
    params: windowLogMax === undefined ? {} : { [windowLogMax]: MAX_WINDOW_LOG },
  });
}
