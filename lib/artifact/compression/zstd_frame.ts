import { checkLimit } from "../limits.ts";
import { refusal } from "../refusal.ts";

/** Largest window that is accepted, as a power of two: 64 MiB (artifact-format section 7). */
export const MAX_WINDOW_LOG = 26;

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const;
/** Magic number and frame header descriptor. */
const START_BYTES = 5;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

/**
 * Follows the structure of one zstd frame as it passes by, without decompressing it: where it ends,
 * and how much memory it asks for.
 *
 * @see RFC 8878 section 3.1.1
 */
export class ZstdFrame {
  readonly #member: string;
  readonly #held = new Uint8Array(18);
  #heldBytes = 0;
  /** Length of the piece that is collected in {@link #held}. */
  #wantedBytes = START_BYTES;
  /** Bytes of block content or checksum still to pass by. */
  #skipBytes = 0;
  #state: "start" | "header" | "block" | "end" = "start";
  #hasChecksum = false;

  readonly #isFirst: boolean;

  /**
   * Starts before a frame.
   *
   * @param member Name of the member, for messages.
   * @param isFirst Whether no other frame stands before it.
   */
  constructor(member: string, isFirst: boolean) {
    this.#member = member;
    this.#isFirst = isFirst;
  }

  /** Whether the whole frame has passed by. */
  get isComplete(): boolean {
    return this.#state === "end" && this.#skipBytes === 0;
  }

  /**
   * Takes the next bytes, as far as they belong to this frame.
   *
   * @returns How many do.
   * @throws {ArtifactError} `artifact.bad-compression`; `artifact.trailing-data` for no frame behind
   * another one; `artifact.too-large` for its window.
   */
  follow(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.isComplete) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, bytes.length - at);
        this.#skipBytes -= skipped;
        at += skipped;
      } else {
        this.#held[this.#heldBytes++] = bytes[at++]!;
        if (this.#state === "start") this.#checkMagic();
        if (this.#heldBytes === this.#wantedBytes) this.#onPiece();
      }
    }
    return at;
  }

  #checkMagic(): void {
    const index = this.#heldBytes - 1;
    if (index >= MAGIC.length || this.#held[index] === MAGIC[index]) return;
    if (this.#isFirst) throw this.#bad("it begins with no frame");
    throw refusal("artifact.trailing-data", `data follows the zstd stream in "${this.#member}"`);
  }

  #onPiece(): void {
    if (this.#state === "start") {
      this.#wantedBytes = this.#headerBytes();
      this.#state = "header";
      return;
    }
    if (this.#state === "header") {
      checkLimit(`the zstd window of "${this.#member}"`, this.#windowBytes(), 2 ** MAX_WINDOW_LOG);
      this.#state = "block";
    } else this.#onBlock();
    this.#heldBytes = 0;
    this.#wantedBytes = BLOCK_HEADER_BYTES;
  }

  /** Length of the frame header with the magic number. */
  #headerBytes(): number {
    const descriptor = this.#held[4]!;
    if ((descriptor & 0b1000) !== 0) throw this.#bad("a reserved bit is set");
    if ((descriptor & 0b11) !== 0) throw this.#bad("it asks for a dictionary");
    this.#hasChecksum = (descriptor & 0b100) !== 0;
    const windowBytes = this.#isSingleSegment() ? 0 : 1;
    return START_BYTES + windowBytes + this.#contentSizeBytes();
  }

  #isSingleSegment(): boolean {
    return (this.#held[4]! & 0b100000) !== 0;
  }

  #contentSizeBytes(): number {
    const flag = this.#held[4]! >> 6;
    return flag === 0 && this.#isSingleSegment() ? 1 : CONTENT_SIZE_BYTES[flag]!;
  }

  /** The memory that a decoder needs for what it has decoded. */
  #windowBytes(): number {
    if (!this.#isSingleSegment()) {
      const descriptor = this.#held[START_BYTES]!;
      const base = 2 ** (10 + (descriptor >> 3));
      return base + (base / 8) * (descriptor & 0b111);
    }
    const sizeBytes = this.#contentSizeBytes();
    let size = 0;
    for (let i = sizeBytes - 1; i >= 0; i--) size = size * 256 + this.#held[START_BYTES + i]!;
    return sizeBytes === 2 ? size + 256 : size;
  }

  #onBlock(): void {
    const header = this.#held[0]! | this.#held[1]! << 8 | this.#held[2]! << 16;
    const isLast = (header & 1) !== 0;
    const type = header >> 1 & 0b11;
    if (type === RESERVED_BLOCK) throw this.#bad("a block of a reserved type");
    this.#skipBytes = type === RLE_BLOCK ? 1 : header >> 3;
    if (!isLast) return;
    if (this.#hasChecksum) this.#skipBytes += CHECKSUM_BYTES;
    this.#state = "end";
  }

  #bad(why: string): Error {
    return refusal("artifact.bad-compression", `"${this.#member}" is not sound zstd: ${why}`);
  }
}
