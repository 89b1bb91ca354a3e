import { quoted, refusal } from "../refusal.ts";

/** Size of a tar block; headers are one block, contents are filled up to whole blocks. */
export const TAR_BLOCK_BYTES = 512;

/** What is read from a tar header; ownership, mode and times play no part in an Artifact. */
export interface TarHeader {
  /** Name as it stands, the ustar prefix in front. */
  readonly name: string;
  /** Size of the content that follows, in bytes. */
  readonly sizeBytes: number;
  /** A file, or an extension that describes the member behind it. */
  readonly type: "file" | "longName" | "pax";
}

const TYPES: Readonly<Record<string, TarHeader["type"]>> = {
  "0": "file",
  "\0": "file",
  "L": "longName",
  "x": "pax",
};
const TYPE_NAMES: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a character device",
  "4": "a block device",
  "5": "a directory",
  "6": "a pipe",
  "S": "a sparse file",
};

/** Whether a block holds nothing but zeros; two of them end an archive. */
export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/**
 * Reads one tar header, ustar or GNU.
 *
 * @param block 512 bytes, not all zero.
 * @param archive Name of the archive, for messages.
 * @throws {ArtifactError} `artifact.bad-tar`, `artifact.bad-member-type`, `artifact.bad-name`.
 */
export function parseTarHeader(block: Uint8Array, archive: string): TarHeader {
  checkSum(block, archive);
  const magic = latin1(block.subarray(257, 263));
  if (magic !== "ustar\0" && magic !== "ustar ") {
    throw refusal("artifact.bad-tar", `a header in ${archive} is neither ustar nor GNU tar`);
  }
  let name = decodeTarName(block.subarray(0, 100), archive);
  // GNU tar keeps times where ustar keeps the first part of the name.
  const prefix = magic === "ustar\0" ? decodeTarName(block.subarray(345, 500), archive) : "";
  if (prefix !== "") name = `${prefix}/${name}`;
  const flag = String.fromCharCode(block[156]!);
  const type = Object.hasOwn(TYPES, flag) ? TYPES[flag] : undefined;
  if (type === undefined) {
    const found = TYPE_NAMES[flag] ?? `of type ${quoted(flag)}`;
    throw refusal(
      "artifact.bad-member-type",
      `${quoted(name)} in ${archive} is ${found}, wanted a regular file`,
    );
  }
  return { name, sizeBytes: parseSize(block.subarray(124, 136), name, archive), type };
}

/** Reads a name field: UTF-8, ended by a zero byte or by the field. Throws `artifact.bad-name`. */
export function decodeTarName(field: Uint8Array, archive: string): string {
  const end = field.indexOf(0);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(end < 0 ? field : field.subarray(0, end));
  } catch (cause) {
    throw refusal("artifact.bad-name", `a name in ${archive} is not UTF-8`, { cause });
  }
}

function checkSum(block: Uint8Array, archive: string): void {
  let sum = 8 * 0x20; // the checksum field counts as blanks
  for (let i = 0; i < 148; i++) sum += block[i]!;
  for (let i = 156; i < TAR_BLOCK_BYTES; i++) sum += block[i]!;
  const stated = parseOctal(block.subarray(148, 156));
  if (stated !== sum) {
    throw refusal("artifact.bad-tar", `a tar header in ${archive} fails its checksum`);
  }
}

function parseSize(field: Uint8Array, name: string, archive: string): number {
  const size = field[0]! >= 0x80 ? parseBase256(field) : parseOctal(field);
  if (size !== undefined) return size;
  throw refusal("artifact.bad-tar", `the size of ${quoted(name)} in ${archive} cannot be read`);
}

/** Octal digits, blanks before, blanks or zero bytes behind. */
function parseOctal(field: Uint8Array): number | undefined {
  const match = /^ *([0-7]+)[ \0]*$/.exec(latin1(field));
  return match === null ? undefined : Number.parseInt(match[1]!, 8);
}

/** GNU form for 8 GiB and more: a set top bit, then a big-endian number. */
function parseBase256(field: Uint8Array): number | undefined {
  if (field[0] !== 0x80) return undefined; // negative, or beyond 88 bits
  let size = 0;
  for (const byte of field.subarray(1)) {
    size = size * 256 + byte;
    if (size > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return size;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
