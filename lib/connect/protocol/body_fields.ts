import { badMessage, readMsgpack } from "./msgpack_reader.ts";
import { writeMsgpack } from "./msgpack_writer.ts";
import { integerOf, WireExtension, type WireMap, type WireValue } from "./wire_value.ts";

/**
 * The fields of a body that is a map. Unknown fields are skipped, `nil` counts as absent; a field of
 * the wrong type is refused.
 */
export class BodyFields {
  readonly #map: WireMap;

  /** Reads a body; an empty one has no fields. Throws `session.bad-message`. */
  constructor(body: Uint8Array) {
    const value = body.length === 0 ? new Map() : readMsgpack(body);
    if (!(value instanceof Map)) throw badMessage("the body is no map");
    this.#map = value;
  }

  /** A text. */
  text(name: string): string | undefined {
    return this.#field(name, "text", (value) => typeof value === "string" ? value : undefined);
  }

  /** An integer of any form that is not negative. */
  count(name: string): number | undefined {
    return this.#field(name, "number from 0", (value) => {
      const number = integerOf(value);
      return number !== undefined && number >= 0 ? number : undefined;
    });
  }

  /** Yes or no. */
  flag(name: string): boolean | undefined {
    return this.#field(name, "flag", (value) => typeof value === "boolean" ? value : undefined);
  }

  /** A list of integers of any form. */
  integers(name: string): number[] | undefined {
    return this.#field(name, "list of numbers", (value) => {
      if (!Array.isArray(value)) return undefined;
      const numbers = value.map(integerOf);
      return numbers.every((number) => number !== undefined) ? numbers : undefined;
    });
  }

  /** A point in time, in milliseconds since 1970. */
  time(name: string): number | undefined {
    return this.#field(name, "time", readTime);
  }

  #field<T>(
    name: string,
    wanted: string,
    read: (value: WireValue) => T | undefined,
  ): T | undefined {
    const value = this.#map.get(name);
    if (value === undefined || value === null) return undefined;
    const found = read(value);
    if (found === undefined) throw badMessage(`${name} is no ${wanted}`);
    return found;
  }
}

/** Writes a body that is a map; fields that are `undefined` are left out. */
export function bodyOf(fields: Readonly<Record<string, WireValue | undefined>>): Uint8Array {
  const known = Object.entries(fields).filter((field): field is [string, WireValue] =>
    field[1] !== undefined
  );
  return writeMsgpack(new Map(known));
}

/** A point in time as an extension of type -1, in the shortest of its three forms. */
export function timeValue(ms: number): WireExtension {
  const seconds = BigInt(Math.floor(ms / 1000));
  const nanoseconds = BigInt(Math.round((ms - Number(seconds) * 1000) * 1e6));
  const view = new DataView(new ArrayBuffer(12));
  if (seconds >= 0n && seconds < 1n << 34n) {
    const both = nanoseconds << 34n | seconds;
    if (both < 1n << 32n) {
      view.setUint32(0, Number(both));
      return new WireExtension(-1, new Uint8Array(view.buffer, 0, 4));
    }
    view.setBigUint64(0, both);
    return new WireExtension(-1, new Uint8Array(view.buffer, 0, 8));
  }
  view.setUint32(0, Number(nanoseconds));
  view.setBigInt64(4, seconds);
  return new WireExtension(-1, new Uint8Array(view.buffer));
}

function readTime(value: WireValue): number | undefined {
  if (!(value instanceof WireExtension) || value.type !== -1) return undefined;
  const { data } = value;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length === 4) return view.getUint32(0) * 1000;
  if (data.length === 8) {
    const both = view.getBigUint64(0);
    return Number(both & (1n << 34n) - 1n) * 1000 + Number(both >> 34n) / 1e6;
  }
  if (data.length !== 12) return undefined;
  return Number(view.getBigInt64(4)) * 1000 + view.getUint32(0) / 1e6;
}
