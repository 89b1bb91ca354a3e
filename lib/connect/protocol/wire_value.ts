/**
 * Values as they stand in a message. Peers check the width of some integers, and a bridge must not change
 * any; so an integer that does not have the usual, shortest form carries its form with it.
 *
 * @module
 */

/** First bytes of the integer forms of msgpack, besides the one-byte forms. */
export const INTEGER_FORMS = {
  uint8: 0xcc,
  uint16: 0xcd,
  uint32: 0xce,
  uint64: 0xcf,
  int8: 0xd0,
  int16: 0xd1,
  int32: 0xd2,
  int64: 0xd3,
} as const;

/** Name of an integer form. */
export type IntegerForm = keyof typeof INTEGER_FORMS;

/** Bytes of an integer behind the first one. */
export const INTEGER_BYTES: Readonly<Record<IntegerForm, number>> = {
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
};

/** An integer in a form of its own choice. */
export class WireInteger {
  /** The value. */
  readonly value: bigint;
  /** How it is written. */
  readonly form: IntegerForm;

  /** Throws a RangeError when the form cannot hold the value. */
  constructor(value: bigint, form: IntegerForm) {
    const bits = INTEGER_BYTES[form] * 8;
    const isHeld = form.startsWith("u")
      ? BigInt.asUintN(bits, value) === value
      : BigInt.asIntN(bits, value) === value;
    if (!isHeld) throw new RangeError(`Cannot write ${value} as ${form}`);
    this.value = value;
    this.form = form;
  }
}

/** A floating point number, in 4 or 8 bytes. */
export class WireFloat {
  /** The value. */
  readonly value: number;
  /** Bytes that it takes. */
  readonly width: 4 | 8;

  /** Wraps a number. */
  constructor(value: number, width: 4 | 8) {
    this.value = value;
    this.width = width;
  }
}

/** An extension: a type and its bytes. A time stamp has type -1. */
export class WireExtension {
  /** Type, -128 to 127. */
  readonly type: number;
  /** Content. */
  readonly data: Uint8Array;

  /** Wraps both. */
  constructor(type: number, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

/** Names and values, in their order. */
export type WireMap = Map<string, WireValue>;

/**
 * A value. A `number` is an integer in its shortest form, between -2^53 and 2^53; every other integer is
 * a {@link WireInteger}.
 */
export type WireValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | WireInteger
  | WireFloat
  | WireExtension
  | WireValue[]
  | WireMap;

/** An integer as 0xd3: the only form of `offset`, `status` and `timeout` that every peer takes. */
export function int64(value: number): WireInteger {
  return new WireInteger(BigInt(value), "int64");
}

/**
 * An integer of any form.
 *
 * @returns `undefined` when the value is none, or lies outside of -2^53 to 2^53.
 */
export function integerOf(value: WireValue | undefined): number | undefined {
  const number = value instanceof WireInteger ? Number(value.value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined;
}
