import { SessionError } from "../../core/errors.ts";
import { shortestForm } from "./msgpack_writer.ts";
import {
  INTEGER_BYTES,
  INTEGER_FORMS,
  type IntegerForm,
  WireExtension,
  WireFloat,
  WireInteger,
  type WireMap,
  type WireValue,
} from "./wire_value.ts";

/** Deepest nesting that is read; real messages have four levels. */
const MAX_DEPTH = 16;

const FORM_OF = new Map(
  Object.entries(INTEGER_FORMS).map(([form, first]) => [first as number, form as IntegerForm]),
);

/**
 * Reads one value, and nothing behind it. Memory is in proportion to the input: a length that it cannot
 * hold is refused before anything is set aside for it.
 *
 * Byte strings are views of the input.
 *
 * @throws {SessionError} `session.bad-message`: it ends too early, goes on behind the value, is nested
 * deeper than 16, has a text that is not UTF-8, a key that is no text, or the same key twice.
 */
export function readMsgpack(bytes: Uint8Array): WireValue {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  reader.end();
  return value;
}

/** The error for everything that cannot be understood. */
export function badMessage(why: string, cause?: unknown): SessionError {
  return new SessionError("session.bad-message", `malformed message: ${why}`, {
    cause,
    retry: "never",
  });
}

/** Up to here a text is put together character by character: a decoder takes longer to be called. */
const SHORT_TEXT_BYTES = 64;

const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw badMessage(`${left} bytes too many`);
  }

  value(depth: number): WireValue {
    if (depth > MAX_DEPTH) throw badMessage(`nested deeper than ${MAX_DEPTH}`);
    const first = this.#bytes[this.#skip(1)]!;
    if (first < 0x80) return first;
    if (first < 0x90) return this.#map(first & 0x0f, depth);
    if (first < 0xa0) return this.#list(first & 0x0f, depth);
    if (first < 0xc0) return this.#string(first & 0x1f);
    if (first >= 0xe0) return first - 0x100;
    const form = FORM_OF.get(first);
    if (form !== undefined) return this.#integer(form);
    return this.#longForm(first, depth);
  }

  #longForm(first: number, depth: number): WireValue {
    switch (first) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#length(1 << (first - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#length(1 << (first - 0xc7)));
      case 0xca:
        return new WireFloat(this.#view.getFloat32(this.#skip(4)), 4);
      case 0xcb:
        return new WireFloat(this.#view.getFloat64(this.#skip(8)), 8);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (first - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#length(1 << (first - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#length(first === 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(first === 0xde ? 2 : 4), depth);
      default:
        throw badMessage(`no value begins with 0x${first.toString(16)}`);
    }
  }

  #integer(form: IntegerForm): WireValue {
    const value = this.#integerValue(form);
    const number = Number(value);
    const isOneByte = number >= -32 && number < 128;
    return Number.isSafeInteger(number) && !isOneByte && shortestForm(number) === form
      ? number
      : new WireInteger(BigInt(value), form);
  }

  #integerValue(form: IntegerForm): number | bigint {
    const at = this.#skip(INTEGER_BYTES[form]);
    switch (form) {
      case "uint8":
        return this.#view.getUint8(at);
      case "uint16":
        return this.#view.getUint16(at);
      case "uint32":
        return this.#view.getUint32(at);
      case "uint64":
        return this.#view.getBigUint64(at);
      case "int8":
        return this.#view.getInt8(at);
      case "int16":
        return this.#view.getInt16(at);
      case "int32":
        return this.#view.getInt32(at);
      case "int64":
        return this.#view.getBigInt64(at);
    }
  }

  #string(length: number): string {
    const start = this.#skip(length);
    const end = start + length;
    if (length <= SHORT_TEXT_BYTES) {
      let text = "";
      let at = start;
      for (; at < end && this.#bytes[at]! < 0x80; at++) {
        text += String.fromCharCode(this.#bytes[at]!);
      }
      if (at === end) return text;
    }
    try {
      return textDecoder.decode(this.#bytes.subarray(start, end));
    } catch (error) {
      throw badMessage("a text is not UTF-8", error);
    }
  }

  #extension(length: number): WireExtension {
    const type = this.#take(1)[0]! << 24 >> 24;
    return new WireExtension(type, this.#take(length));
  }

  #list(length: number, depth: number): WireValue[] {
    this.#expect(length);
    return Array.from({ length }, () => this.value(depth + 1));
  }

  #map(length: number, depth: number): WireMap {
    this.#expect(length * 2);
    const map: WireMap = new Map();
    for (let index = 0; index < length; index++) {
      const key = this.value(depth + 1);
      if (typeof key !== "string") throw badMessage("a key is no text");
      if (map.has(key)) throw badMessage("a key is there twice");
      map.set(key, this.value(depth + 1));
    }
    return map;
  }

  #length(width: number): number {
    const at = this.#skip(width);
    return width === 1
      ? this.#view.getUint8(at)
      : width === 2
      ? this.#view.getUint16(at)
      : this.#view.getUint32(at);
  }

  #take(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  #skip(length: number): number {
    this.#expect(length);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  /** Every value takes a byte at least. */
  #expect(length: number): void {
    if (this.#at + length > this.#bytes.length) throw badMessage("it ends too early");
  }
}
