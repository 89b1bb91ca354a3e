/**
 * What a value from elsewhere must look like: JSON of a server, of a file, of a client on a socket. A library
 * for this holds four times the memory of all rules of this project in a daemon that runs for months.
 *
 * @module
 */
import { isJsonObject } from "./json.ts";

/** Gives a value as what it was wanted to be; throws a {@link Mismatch}. `at` is where it stands. */
export type Shape<T> = (value: unknown, at: string) => T;

/** A field that may be absent. */
export interface OptionalShape<T> {
  /** What it is when it is there. */
  readonly optional: Shape<T>;
}

/** What a shape gives. */
export type Shaped<S> = S extends Shape<infer T> ? T : never;

/** The fields of an object. */
export type Fields = Readonly<Record<string, Shape<unknown> | OptionalShape<unknown>>>;
/** Names of the fields that may be absent. */
export type OptionalKeys<F> = {
  [K in keyof F]: F[K] extends OptionalShape<unknown> ? K : never;
}[keyof F];

/** An object with these fields. */
export type ObjectOf<F extends Fields> =
  & { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: Shaped<F[K]> }
  & {
    readonly [K in OptionalKeys<F>]?: F[K] extends OptionalShape<infer T> ? T | undefined : never;
  };

/** What came of a look at a value. */
export type Look<T> =
  | { readonly isFit: true; readonly value: T }
  | { readonly isFit: false; readonly why: string };

/** A value is not what it should be; the message says where, what was wanted and what was found. */
export class Mismatch extends Error {
  /** At a place; empty for the value itself. */
  constructor(at: string, wanted: string, found: unknown) {
    super(`${at === "" ? "" : `${at}: `}wanted ${wanted}, found ${kindOf(found)}`);
  }
}

/** Looks at a value. Of an object only the fields that are named come through. */
export function look<T>(shape: Shape<T>, value: unknown): Look<T> {
  try {
    return { isFit: true, value: shape(value, "") };
  } catch (error) {
    if (error instanceof Mismatch) return { isFit: false, why: error.message };
    throw error;
  }
}

/** Anything at all. */
export function anything(value: unknown): unknown {
  return value;
}

/** A text of so many characters. */
export function text(minLength = 0, maxLength = Infinity): Shape<string> {
  const wanted = minLength === 0
    ? maxLength === Infinity ? "a text" : `a text of at most ${maxLength} characters`
    : "a text that is neither empty nor too long";
  return (value, at) => {
    const isFit = typeof value === "string" && value.length >= minLength &&
      value.length <= maxLength;
    if (!isFit) throw new Mismatch(at, wanted, value);
    return value;
  };
}

/** A text that passes a test; `wanted` says which. */
export function textThat(wanted: string, passes: (text: string) => boolean): Shape<string> {
  return (value, at) => {
    if (typeof value !== "string" || !passes(value)) throw new Mismatch(at, wanted, value);
    return value;
  };
}

/** A whole number, not less than `least`. */
export function whole(least: number): Shape<number> {
  return (value, at) => {
    if (Number.isSafeInteger(value) && (value as number) >= least) return value as number;
    throw new Mismatch(at, `a whole number from ${least} on`, value);
  };
}

/** One of a few values. */
export function oneOf<const T extends string | number | boolean>(
  ...values: readonly T[]
): Shape<T> {
  return (value, at) => {
    const found = values.find((each) => each === value);
    if (found !== undefined) return found;
    throw new Mismatch(at, values.map((each) => JSON.stringify(each)).join(" or "), value);
  };
}

/** A list of at least so many of the same. */
export function list<T>(each: Shape<T>, least = 0): Shape<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new Mismatch(at, "a list", value);
    if (value.length < least) throw new Mismatch(at, `a list of at least ${least}`, value);
    return value.map((item, index) => each(item, place(at, `${index}`)));
  };
}

/** A field that may be absent. */
export function optional<T>(shape: Shape<T>): OptionalShape<T> {
  return { optional: shape };
}

/** An object with some fields; others are left out. */
export function object<F extends Fields>(fields: F): Shape<ObjectOf<F>> {
  return (value, at) => {
    if (!isJsonObject(value)) throw new Mismatch(at, "an object", value);
    const result: Record<string, unknown> = {};
    for (const [name, shape] of Object.entries(fields)) {
      const found = Object.hasOwn(value, name) ? value[name] : undefined;
      if (typeof shape === "function") result[name] = shape(found, place(at, name));
      else if (found !== undefined) result[name] = shape.optional(found, place(at, name));
    }
    return result as ObjectOf<F>;
  };
}

/** An object of one of several forms, which a field tells. */
export function variant<F extends Readonly<Record<string, Shape<unknown>>>>(
  field: string,
  forms: F,
): Shape<Shaped<F[keyof F]>> {
  const name = oneOf(...Object.keys(forms));
  return (value, at) => {
    if (!isJsonObject(value)) throw new Mismatch(at, "an object", value);
    const form = name(value[field], place(at, field));
    return forms[form]!(value, at) as Shaped<F[keyof F]>;
  };
}

function place(at: string, name: string): string {
  return at === "" ? name : `${at}.${name}`;
}

/** What a value is, without what it says: that may be long, or a secret. */
function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "string") return value === "" ? "an empty text" : "a text";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
