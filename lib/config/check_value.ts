import { isJsonObject } from "../core/json.ts";
import type { KeySpec } from "./key_spec.ts";

/** Longest interval that a configuration may ask for: a year. */
export const MAX_SECONDS = 31_536_000;

/** A value that fits its key, or what was wanted and what was found instead. */
export type CheckedValue =
  | { readonly value: unknown }
  | { readonly code: "config.wrong-type" | "config.out-of-range"; readonly reason: string };

/**
 * Checks the value of a key against its kind. A `seconds` of 0 fits: the caller puts the default in
 * its place.
 *
 * @see contracts/configuration.md section 2, last paragraph, for the limits
 */
export function checkValue(spec: KeySpec, value: unknown): CheckedValue {
  switch (spec.kind) {
    case "text":
    case "path":
    case "url":
      return typeof value === "string" ? { value } : wrongType(spec, "text", value);
    case "flag":
      return typeof value === "boolean" ? { value } : wrongType(spec, "true or false", value);
    case "looseFlag":
      // mender-python-client: anything but these three words means no
      return ["string", "boolean", "number"].includes(typeof value)
        ? { value: ["true", "1", "yes"].includes(String(value).toLowerCase()) }
        : wrongType(spec, "true or false", value);
    case "seconds":
      return checkNumber(spec, value, 0, MAX_SECONDS, `of seconds from 1 to ${MAX_SECONDS}`);
    case "count": {
      const least = spec.least ?? 0;
      return checkNumber(spec, value, least, Number.MAX_SAFE_INTEGER, `from ${least}`);
    }
    case "texts":
    case "paths":
      if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
        return wrongType(spec, "a list of texts", value);
      }
      // An empty path must never stand for "no path": a list of keys would silently become none.
      return spec.kind === "paths" && value.some((item) => item.trim() === "")
        ? {
          code: "config.out-of-range",
          reason: "wanted a list of paths, found an empty one in it",
        }
        : { value };
    case "servers":
      return Array.isArray(value) && value.every(isServer)
        ? { value: value.map((item) => item.ServerURL) }
        : wrongType(spec, 'a list of {"ServerURL": "\u2026"}', value);
    case "choice": {
      const choices = spec.choices ?? [];
      if (typeof value === "string" && choices.includes(value)) return { value };
      const wanted = choices.map((choice) => JSON.stringify(choice)).join(", ");
      return typeof value === "string"
        ? { code: "config.out-of-range", reason: mismatch(spec, `one of ${wanted}`, value) }
        : wrongType(spec, `one of ${wanted}`, value);
    }
  }
}

function checkNumber(
  spec: KeySpec,
  value: unknown,
  least: number,
  most: number,
  range: string,
): CheckedValue {
  const wanted = `a whole number ${range}`;
  if (typeof value !== "number" || !Number.isInteger(value)) return wrongType(spec, wanted, value);
  if (value >= least && value <= most) return { value };
  return { code: "config.out-of-range", reason: mismatch(spec, wanted, value) };
}

function wrongType(spec: KeySpec, wanted: string, found: unknown): CheckedValue {
  return { code: "config.wrong-type", reason: mismatch(spec, wanted, found) };
}

function mismatch(spec: KeySpec, wanted: string, found: unknown): string {
  return `wanted ${wanted}, found ${describeFound(found, spec.isSecret === true)}`;
}

function describeFound(value: unknown, isSecret: boolean): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (isJsonObject(value)) return "an object";
  if (isSecret) return `a ${typeof value}`;
  if (typeof value !== "string") return String(value);
  return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}\u2026` : value)}`;
}

function isServer(value: unknown): value is { ServerURL: string } {
  return isJsonObject(value) && typeof value.ServerURL === "string";
}
