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
 * Takes what was decompressed, at once; the bytes are valid during the call only. What it throws comes
 * out of the decompressor.
 */
export type DecompressedSink = (bytes: Uint8Array) => void;
