import { Buffer } from "node:buffer";

/** A whole message of bytes: FIN, and the opcode for binary data. */
const WHOLE_BINARY = 0x82;
const IS_MASKED = 0x80;
const MASK_BYTES = 4;

/** Lengths that stand in the second byte, and what stands there for 16 and 64 bits. */
const MAX_SHORT_LENGTH = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** Keys are taken from here, because to ask for each costs more than the rest of a small frame. */
const keys = new Uint8Array(4096);
let usedKeyBytes = keys.length;

/**
 * Writes a message as one frame, in one piece of memory. `ws` would make several objects of it, and mask it
 * byte by byte.
 *
 * @param isMasked What a client sends is masked, with a key that nobody can foresee.
 * @param first The message, or its first part.
 * @param second The rest of the message.
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-5.2
 */
export function dataFrame(isMasked: boolean, first: Uint8Array, second?: Uint8Array): Uint8Array {
  const length = first.length + (second?.length ?? 0);
  const lengthBytes = length <= MAX_SHORT_LENGTH ? 0 : length <= 0xffff ? 2 : 8;
  const headBytes = 2 + lengthBytes + (isMasked ? MASK_BYTES : 0);
  const room = Buffer.allocUnsafe(3 + headBytes + length);
  const shift = -(room.byteOffset + headBytes) & 3; // so that the message begins at a whole word
  const frame = room.subarray(shift, shift + headBytes + length);
  frame[0] = WHOLE_BINARY;
  frame[1] = lengthBytes === 0 ? length : lengthBytes === 2 ? LENGTH_16 : LENGTH_64;
  if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  else if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(first, headBytes);
  if (second !== undefined) frame.set(second, headBytes + first.length);
  if (isMasked) {
    frame[1]! |= IS_MASKED;
    mask(frame, headBytes);
  }
  return frame;
}

/** Masks what begins at a whole word, with a new key that is put before it. */
function mask(frame: Uint8Array, start: number): void {
  if (usedKeyBytes === keys.length) {
    crypto.getRandomValues(keys);
    usedKeyBytes = 0;
  }
  for (let at = 0; at < MASK_BYTES; at++) frame[start - MASK_BYTES + at] = keys[usedKeyBytes++]!;
  const count = frame.length - start >>> 2;
  const words = new Uint32Array(frame.buffer, frame.byteOffset + start - MASK_BYTES, count + 1);
  const key = words[0]!;
  for (let at = 1; at <= count; at++) words[at]! ^= key;
  for (let at = start + count * MASK_BYTES; at < frame.length; at++) {
    frame[at]! ^= frame[start - MASK_BYTES + (at - start & 3)]!;
  }
}
