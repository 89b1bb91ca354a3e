import {
  INTEGER_FORMS,
  type IntegerForm,
  WireExtension,
  WireFloat,
  WireInteger,
  type WireValue,
} from "./wire_value.ts";

const encoder = new TextEncoder();

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

function write(output: Output, value: WireValue): void {
  if (value === null) output.byte(0xc0);
  else if (typeof value === "boolean") output.byte(value ? 0xc3 : 0xc2);
  else if (typeof value === "number") writeNumber(output, value);
  else if (typeof value === "string") {
    const bytes = encoder.encode(value);
    if (bytes.length < 32) output.byte(0xa0 | bytes.length);
    else writeLength(output, bytes.length, [0xd9, 0xda, 0xdb]);
    output.bytes(bytes);
  } else if (value instanceof Uint8Array) {
    writeLength(output, value.length, [0xc4, 0xc5, 0xc6]);
    output.bytes(value);
  } else if (value instanceof WireInteger) writeInteger(output, value.value, value.form);
  else if (value instanceof WireFloat) writeFloat(output, value);
  else if (value instanceof WireExtension) writeExtension(output, value);
  else if (Array.isArray(value)) {
    if (value.length < 16) output.byte(0x90 | value.length);
    else writeLength(output, value.length, [undefined, 0xdc, 0xdd]);
    for (const item of value) write(output, item);
  } else {
    if (value.size < 16) output.byte(0x80 | value.size);
    else writeLength(output, value.size, [undefined, 0xde, 0xdf]);
    for (const [key, item] of value) {
      write(output, key);
      write(output, item);
    }
  }
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
  output.integer(value, Number(form.replace(/\D+/, "")) / 8);
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
  else writeLength(output, data.length, [0xc7, 0xc8, 0xc9]);
  output.byte(type & 0xff);
  output.bytes(data);
}

/** Writes a length behind the first byte for 8, 16 or 32 bits. */
function writeLength(
  output: Output,
  length: number,
  [short, middle, long]: readonly [number | undefined, number, number],
): void {
  if (short !== undefined && length <= 0xff) {
    output.byte(short);
    output.integer(BigInt(length), 1);
  } else if (length <= 0xffff) {
    output.byte(middle);
    output.integer(BigInt(length), 2);
  } else {
    output.byte(long);
    output.integer(BigInt(length), 4);
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

  /** Big-endian, in two's complement. */
  integer(value: bigint, width: number): void {
    this.#room(width);
    if (width <= 4) {
      let low = Number(BigInt.asUintN(32, value));
      for (let at = this.#size + width - 1; at >= this.#size; at--) {
        this.#buffer[at] = low & 0xff;
        low >>>= 8;
      }
      this.#size += width;
      return;
    }
    let rest = BigInt.asUintN(width * 8, value);
    for (let at = this.#size + width - 1; at >= this.#size; at--) {
      this.#buffer[at] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    this.#size += width;
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
