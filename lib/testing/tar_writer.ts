import { Buffer } from "node:buffer";

/** One member of a tar archive that is held in memory. */
export interface TarEntry {
  /** Name, at most 100 bytes in UTF-8. */
  readonly name: string;
  /** Content; text is written as UTF-8. */
  readonly content: Uint8Array | string;
  /** Type flag of the header; `0`, a regular file, when absent. */
  readonly typeFlag?: string;
}

/** Size of a tar block in bytes. */
const BLOCK_BYTES = 512;
/** Largest size that fits into eleven octal digits. */
const MAX_OCTAL = 0o77777777777;

/** The end marker of a tar archive: two zero blocks. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK_BYTES);

/**
 * Makes a ustar header: mode 0600, owner 0, time 0, so that equal input gives equal bytes.
 *
 * @param sizeBytes Size of the content that follows; from 8 GiB on written in GNU's binary form.
 * @param typeFlag One character; `0` is a regular file.
 * @throws {RangeError} The name does not fit.
 */
export function tarHeader(name: string, sizeBytes: number, typeFlag = "0"): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  const nameBytes = Buffer.from(name, "utf8");
  if (nameBytes.length > 100) {
    throw new RangeError(
      `Cannot write the tar header: name of ${nameBytes.length} bytes, at most 100`,
    );
  }
  nameBytes.copy(block, 0);
  block.write("0000600\0", 100, "latin1");
  block.write("0000000\0", 108, "latin1");
  block.write("0000000\0", 116, "latin1");
  if (sizeBytes <= MAX_OCTAL) block.write(`${octal(sizeBytes, 11)}\0`, 124, "latin1");
  else {
    block.writeBigUInt64BE(BigInt(sizeBytes), 128);
    block[124] = 0x80;
  }
  block.write("00000000000\0", 136, "latin1");
  block.write("        ", 148, "latin1"); // the checksum field counts as blanks
  block.write(typeFlag, 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return new Uint8Array(block);
}

/** The zero bytes that fill a content of this size up to whole blocks. */
export function tarFill(sizeBytes: number): Uint8Array {
  return new Uint8Array((BLOCK_BYTES - sizeBytes % BLOCK_BYTES) % BLOCK_BYTES);
}

/** One member: header, content, fill bytes. Throws {@link RangeError} for a name that does not fit. */
export function tarMember({ name, content, typeFlag }: TarEntry): Uint8Array {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  return joined([tarHeader(name, bytes.length, typeFlag), bytes, tarFill(bytes.length)]);
}

/** A whole archive with its end marker. */
export function tarArchive(entries: readonly TarEntry[]): Uint8Array {
  return joined([...entries.map(tarMember), TAR_END]);
}

/** Copies chunks into one array; each chunk only has to be valid until the next one is asked for. */
export function joined(chunks: Iterable<Uint8Array>): Uint8Array {
  const copies: Uint8Array[] = [];
  let sizeBytes = 0;
  for (const chunk of chunks) {
    copies.push(new Uint8Array(chunk)); // `slice` of a Buffer would not copy
    sizeBytes += chunk.length;
  }
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const copy of copies) {
    whole.set(copy, at);
    at += copy.length;
  }
  return whole;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
