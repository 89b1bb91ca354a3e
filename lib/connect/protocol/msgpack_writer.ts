import {
  INTEGER_BYTES,
  INTEGER_FORMS,
  type IntegerForm,
  WireExtension,
  WireFloat,
  WireInteger,
  type WireValue,
} from "./wire_value.ts";

const encoder = new TextEncoder();
const SHORT_TEXT_LENGTH = 64;

/** First bytes for a length of 8, 16 or 32 bits. */
type LengthForms = readonly [short: number | undefined, middle: number, long: number];
const TEXT_LENGTHS: LengthForms = [0xd9, 0xda, 0xdb];
const BYTES_LENGTHS: LengthForms = [0xc4, 0xc5, 0xc6];
const LIST_LENGTHS: LengthForms = [undefined, 0xdc, 0xdd];
const MAP_LENGTHS: LengthForms = [undefined, 0xde, 0xdf];
const EXTENSION_LENGTHS: LengthForms = [0xc7, 0xc8, 0xc9];

/**
 * Writes a value as msgpack; lengths take their shortest form.
 *
 * @param sizeHint Bytes that it will take, about.
 * @throws {RangeError} A `number` that is no safe integer.
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export function writeMsgpack(value: WireValue, sizeHint = 256): Uint8Array {
  const output = new Output(sizeHint);
  write(output, value);
  return output.take();
}

/** What stands before the bytes of a byte string. */
export function writeBytesHead(length: number): Uint8Array {
  const output = new Output(5);
  writeLength(output, length, BYTES_LENGTHS);
  return output.take();
}

function write(output: Output, value: WireValue): void {
  if (value === null) output.byte(0xc0);
  else if (typeof value === "boolean") output.byte(value ? 0xc3 : 0xc2);
  else if (typeof value === "number") writeNumber(output, value);
  else if (typeof value === "string") {
    writeText(output, value);
  } else if (value instanceof Uint8Array) {
    writeLength(output, value.length, BYTES_LENGTHS);
    output.bytes(value);
  } else if (value instanceof WireInteger) writeInteger(output, value.value, value.form);
  else if (value instanceof WireFloat) writeFloat(output, value);
  else if (value instanceof WireExtension) writeExtension(output, value);
  else if (Array.isArray(value)) {
    if (value.length < 16) output.byte(0x90 | value.length);
    else writeLength(output, value.length, LIST_LENGTHS);
    for (const item of value) write(output, item);
  } else {
    if (value.size < 16) output.byte(0x80 | value.size);
    else writeLength(output, value.size, MAP_LENGTHS);
    for (const [key, item] of value) {
      write(output, key);
      write(output, item);
    }
  }
}

/** Names and IDs are short, and ASCII: those are written without a call of the encoder. */
function writeText(output: Output, text: string): void {
  const isShort = text.length <= SHORT_TEXT_LENGTH && isAscii(text);
  const bytes = isShort ? undefined : encoder.encode(text);
  const length = bytes?.length ?? text.length;
  if (length < 32) output.byte(0xa0 | length);
  else writeLength(output, length, TEXT_LENGTHS);
  if (bytes === undefined) output.ascii(text);
  else output.bytes(bytes);
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) >= 0x80) return false;
  return true;
}

function writeNumber(output: Output, value: number): void {
  if (!Number.isSafeInteger(value)) throw new RangeError(`Cannot write ${value} as an integer`);
  if (value >= -32 && value < 128) output.byte(value & 0xff);
  else writeInteger(output, BigInt(value), shortestForm(value));
}

/** The shortest form of an integer that does not fit into one byte. */
export function shortestForm(value: number): IntegerForm {
  if (value >= 0) {
    return value <= 0xff
      ? "uint8"
      : value <= 0xffff
      ? "uint16"
      : value <= 0xffff_ffff
      ? "uint32"
      : "uint64";
  }
  return value >= -0x80
    ? "int8"
    : value >= -0x8000
    ? "int16"
    : value >= -0x8000_0000
    ? "int32"
    : "int64";
}

function writeInteger(output: Output, value: bigint, form: IntegerForm): void {
  output.byte(INTEGER_FORMS[form]);
  const width = INTEGER_BYTES[form];
  if (width <= 4) output.unsigned(Number(BigInt.asUintN(32, value)), width);
  else output.long(value);
}

function writeFloat(output: Output, { value, width }: WireFloat): void {
  const view = new DataView(new ArrayBuffer(width));
  if (width === 4) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  output.byte(width === 4 ? 0xca : 0xcb);
  output.bytes(new Uint8Array(view.buffer));
}

function writeExtension(output: Output, { type, data }: WireExtension): void {
  const fixed = [1, 2, 4, 8, 16].indexOf(data.length);
  if (fixed >= 0) output.byte(0xd4 + fixed);
  else writeLength(output, data.length, EXTENSION_LENGTHS);
  output.byte(type & 0xff);
  output.bytes(data);
}

/** Writes a length behind the first byte for 8, 16 or 32 bits. */
function writeLength(output: Output, length: number, [short, middle, long]: LengthForms): void {
  if (short !== undefined && length <= 0xff) {
    output.byte(short);
    output.unsigned(length, 1);
  } else if (length <= 0xffff) {
    output.byte(middle);
    output.unsigned(length, 2);
  } else {
    output.byte(long);
    output.unsigned(length, 4);
  }
}

class Output {
  #buffer: Uint8Array;
  #size = 0;

  constructor(sizeHint: number) {
    this.#buffer = new Uint8Array(sizeHint);
  }

  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.#size++] = value;
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  /** Characters that take a byte each. */
  ascii(text: string): void {
    this.#room(text.length);
    for (let at = 0; at < text.length; at++) this.#buffer[this.#size++] = text.charCodeAt(at);
  }

  /** The last `width` bytes of a 32-bit integer, big-endian. */
  unsigned(value: number, width: number): void {
    this.#room(width);
    for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) {
      this.#buffer[this.#size++] = value >>> shift & 0xff;
    }
  }

  /** Eight bytes, big-endian, in two's complement. */
  long(value: bigint): void {
    this.unsigned(Number(BigInt.asUintN(32, value >> 32n)), 4);
    this.unsigned(Number(BigInt.asUintN(32, value)), 4);
  }

  take(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }

  #room(more: number): void {
    const wanted = this.#size + more;
    if (wanted <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(wanted, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#size));
    this.#buffer = larger;
  }
}
