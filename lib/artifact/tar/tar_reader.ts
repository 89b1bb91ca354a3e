import { type ArtifactLimits, checkLimit } from "../limits.ts";
import { quoted, refusal } from "../refusal.ts";
import { parsePaxRecords, type PaxRecords } from "./pax_records.ts";
import { decodeTarName, isZero, parseTarHeader, TAR_BLOCK_BYTES } from "./tar_header.ts";

/** What is met in a tar archive: a member begins, a piece of its content, it is complete. */
export type TarEvent =
  | { readonly type: "member"; readonly name: string; readonly sizeBytes: number }
  | { readonly type: "data"; readonly bytes: Uint8Array }
  | { readonly type: "memberEnd" };

/**
 * Reads a tar archive in one pass, from chunks of any size.
 *
 * Stricter than tar programs are, because an updater reads what it will run: only regular files,
 * fill bytes are zero, the end marker (two zero blocks) is there, and only zeros follow it.
 * Contents are passed on as views into the chunk, never copied.
 */
export class TarReader {
  readonly #archive: string;
  readonly #limits: ArtifactLimits;
  readonly #block = new Uint8Array(TAR_BLOCK_BYTES);
  #state: "header" | "data" | "extension" | "fill" | "end" = "header";
  /** Bytes of the block that are there (state `header`). */
  #filledBytes = 0;
  /** Bytes still to come in the states `data` and `extension`. */
  #leftBytes = 0;
  /** Zero bytes between a content and the next block. */
  #fillBytes = 0;
  #zeroBlocks = 0;
  #endBytes = 0;
  #extension: { type: "longName" | "pax"; bytes: Uint8Array } | undefined;
  #longName: string | undefined;
  #pax: PaxRecords | undefined;
  #member = "";

  /** Makes a reader; `archive` names what is read in messages (`"header.tar.gz"`, quotes included). */
  constructor(archive: string, limits: ArtifactLimits) {
    this.#archive = archive;
    this.#limits = limits;
  }

  /**
   * Takes the next chunk and yields what is met in it. The chunk, and the views into it, are not used
   * after the generator was run to its end.
   *
   * @throws {ArtifactError} `artifact.bad-tar`, `artifact.bad-member-type`, `artifact.bad-name`,
   * `artifact.too-large`, `artifact.trailing-data`.
   */
  *read(chunk: Uint8Array): Generator<TarEvent, void> {
    for (let at = 0; at < chunk.length;) {
      if (this.#state === "header") {
        const taken = Math.min(TAR_BLOCK_BYTES - this.#filledBytes, chunk.length - at);
        const piece = chunk.subarray(at, at + taken);
        at += taken;
        const block = this.#assemble(piece);
        if (block !== undefined) yield* this.#onBlock(block);
      } else if (this.#state === "end") {
        this.#onFill(chunk.subarray(at), "artifact.trailing-data");
        this.#endBytes += chunk.length - at;
        checkLimit(
          `zeros at the end of ${this.#archive}`,
          this.#endBytes,
          this.#limits.tarFillBytes,
        );
        return;
      } else {
        const bytes = chunk.subarray(at, Math.min(at + this.#leftBytes, chunk.length));
        at += bytes.length;
        this.#leftBytes -= bytes.length;
        if (this.#state === "data") {
          yield { type: "data", bytes };
          if (this.#leftBytes === 0) {
            yield { type: "memberEnd" };
            this.#startFill();
          }
        } else if (this.#state === "extension") {
          this.#onExtension(bytes);
        } else {
          this.#onFill(bytes, "artifact.bad-tar");
          if (this.#leftBytes === 0) this.#state = "header";
        }
      }
    }
  }

  /** Checks that the archive is complete. Throws `artifact.truncated` otherwise. */
  finish(): void {
    if (this.#state === "end" && this.#endBytes % TAR_BLOCK_BYTES === 0) return;
    const where = this.#state === "data"
      ? `in the middle of ${quoted(this.#member)}`
      : this.#member === ""
      ? "before its first member"
      : `after ${quoted(this.#member)}, without a whole end marker`;
    throw refusal("artifact.truncated", `${this.#archive} ends ${where}`);
  }

  #assemble(piece: Uint8Array): Uint8Array | undefined {
    if (piece.length === TAR_BLOCK_BYTES) return piece;
    this.#block.set(piece, this.#filledBytes);
    this.#filledBytes += piece.length;
    if (this.#filledBytes < TAR_BLOCK_BYTES) return undefined;
    this.#filledBytes = 0;
    return this.#block;
  }

  *#onBlock(block: Uint8Array): Generator<TarEvent, void> {
    if (isZero(block)) return this.#onZeroBlock();
    if (this.#zeroBlocks > 0) {
      throw refusal("artifact.trailing-data", `data follows the end marker of ${this.#archive}`);
    }
    const header = parseTarHeader(block, this.#archive);
    if (header.type !== "file") return this.#startExtension(header.type, header.sizeBytes);
    const name = this.#pax?.path ?? this.#longName ?? header.name;
    const sizeBytes = this.#pax?.sizeBytes ?? header.sizeBytes;
    this.#pax = this.#longName = undefined;
    this.#member = name;
    this.#setSize(sizeBytes);
    yield { type: "member", name, sizeBytes };
    if (sizeBytes === 0) yield { type: "memberEnd" };
    else this.#state = "data";
  }

  #onZeroBlock(): void {
    if (this.#pax !== undefined || this.#longName !== undefined) {
      throw refusal("artifact.bad-tar", `an extension header in ${this.#archive} has no member`);
    }
    this.#zeroBlocks++;
    if (this.#zeroBlocks === 2) this.#state = "end";
  }

  #startExtension(type: "longName" | "pax", sizeBytes: number): void {
    if (sizeBytes === 0 || (type === "pax" ? this.#pax : this.#longName) !== undefined) {
      throw refusal("artifact.bad-tar", `an extension header in ${this.#archive} is not usable`);
    }
    checkLimit(
      `an extension header in ${this.#archive}`,
      sizeBytes,
      this.#limits.tarExtensionBytes,
    );
    this.#extension = { type, bytes: new Uint8Array(sizeBytes) };
    this.#setSize(sizeBytes);
    this.#state = "extension";
  }

  #onExtension(piece: Uint8Array): void {
    const { type, bytes } = this.#extension!;
    bytes.set(piece, bytes.length - this.#leftBytes - piece.length);
    if (this.#leftBytes > 0) return;
    if (type === "pax") this.#pax = parsePaxRecords(bytes, this.#archive);
    else this.#longName = decodeTarName(bytes, this.#archive);
    this.#extension = undefined;
    this.#startFill();
  }

  #setSize(sizeBytes: number): void {
    this.#leftBytes = sizeBytes;
    this.#fillBytes = (TAR_BLOCK_BYTES - sizeBytes % TAR_BLOCK_BYTES) % TAR_BLOCK_BYTES;
  }

  #startFill(): void {
    this.#leftBytes = this.#fillBytes;
    this.#state = this.#leftBytes === 0 ? "header" : "fill";
  }

  #onFill(bytes: Uint8Array, code: "artifact.bad-tar" | "artifact.trailing-data"): void {
    if (isZero(bytes)) return;
    throw refusal(
      code,
      `wanted zeros after ${quoted(this.#member)} in ${this.#archive}, found data`,
    );
  }
}
