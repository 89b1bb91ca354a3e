import { Buffer } from "node:buffer";

/** ASN.1 in DER, as little of it as a certificate needs (ITU-T X.690). */
export const der = {
  /** SEQUENCE of encoded members. */
  sequence: (...members: Uint8Array[]): Buffer => tagged(0x30, ...members),
  /** SET of encoded members. */
  set: (...members: Uint8Array[]): Buffer => tagged(0x31, ...members),
  /** INTEGER, not negative, from big-endian bytes. */
  integer: (bytes: Uint8Array): Buffer => tagged(0x02, unsigned(bytes)),
  /** BOOLEAN true; false is the default wherever it occurs here, and left out. */
  isTrue: (): Buffer => tagged(0x01, Buffer.from([0xff])),
  /** OCTET STRING. */
  octets: (bytes: Uint8Array): Buffer => tagged(0x04, bytes),
  /** BIT STRING; `unusedBits` at its end do not count. */
  bits: (bytes: Uint8Array, unusedBits = 0): Buffer =>
    tagged(0x03, Buffer.from([unusedBits]), bytes),
  /** UTF8String. */
  text: (text: string): Buffer => tagged(0x0c, Buffer.from(text)),
  /** UTCTime, or GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5). */
  time(at: number): Buffer {
    const full = new Date(at).toISOString().replace(/\.\d+Z$/, "Z").replace(/[-:T]/g, "");
    const isLate = new Date(at).getUTCFullYear() >= 2050;
    return isLate ? tagged(0x18, Buffer.from(full)) : tagged(0x17, Buffer.from(full.slice(2)));
  },
  /** OBJECT IDENTIFIER from dotted numbers. */
  oid(dotted: string): Buffer {
    const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
    return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
  },
  /** Explicit context tag around encoded members. */
  explicit: (tag: number, ...members: Uint8Array[]): Buffer => tagged(0xa0 + tag, ...members),
  /** Implicit context tag on a primitive value. */
  implicit: (tag: number, bytes: Uint8Array): Buffer => tagged(0x80 + tag, bytes),
};

function tagged(tag: number, ...contents: Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(body.length)]), body]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 + bytes.length, ...bytes];
}

function unsigned(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const short = bytes.subarray(start);
  return (short[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), short]) : Buffer.from(short);
}

function base128(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift(0x80 + rest % 128);
  }
  return bytes;
}
