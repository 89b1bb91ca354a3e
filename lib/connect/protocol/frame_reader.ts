import { decodeFrame, type Frame } from "./frame.ts";

/** The head of a message that had a body: its bytes, and what they say. */
interface KnownHead {
  readonly bytes: Uint8Array;
  readonly frame: Frame;
}

/** Longest head that is remembered; real ones have some 130 bytes. */
const MAX_HEAD_BYTES = 512;

/**
 * Reads the messages of one connection. In a row of keys, or of pieces of a stream, one is like the other
 * up to its body: what was read of the last one holds for the next one, if its bytes are the same.
 */
export class FrameReader {
  #known: KnownHead | undefined;

  /**
   * Reads a message as `decodeFrame` does. Two messages may share their properties.
   *
   * @throws {BadFrameError} `session.bad-message`.
   */
  read(message: Uint8Array): Frame {
    const known = this.#known;
    if (known !== undefined && beginsWith(message, known.bytes)) {
      const start = bodyStart(message, known.bytes.length);
      if (start !== undefined) return { ...known.frame, body: message.subarray(start) };
    }
    const frame = decodeFrame(message);
    this.#known = headOf(message, frame) ?? known;
    return frame;
  }
}

/** The part of a message before its body, when that is its last part, and bytes. */
function headOf(message: Uint8Array, frame: Frame): KnownHead | undefined {
  const { body } = frame;
  if (body.length === 0 || body.buffer !== message.buffer) return undefined;
  const start = body.byteOffset - message.byteOffset;
  for (const at of [start - 2, start - 3]) {
    if (at > MAX_HEAD_BYTES || bodyStart(message, at) !== start) continue;
    return { bytes: new Uint8Array(message.subarray(0, at)), frame };
  }
  return undefined;
}

/** Where the bytes begin whose length stands at a place, when they go on to the end of the message. */
function bodyStart(message: Uint8Array, at: number): number | undefined {
  const form = message[at];
  if (form === 0xc4) return at + 2 + message[at + 1]! === message.length ? at + 2 : undefined;
  if (form !== 0xc5) return undefined;
  const length = message[at + 1]! << 8 | message[at + 2]!;
  return at + 3 + length === message.length ? at + 3 : undefined;
}

function beginsWith(message: Uint8Array, head: Uint8Array): boolean {
  if (message.length < head.length) return false;
  // The IDs, in which messages differ, stand behind.
  for (let at = head.length - 1; at >= 0; at--) if (message[at] !== head[at]) return false;
  return true;
}
