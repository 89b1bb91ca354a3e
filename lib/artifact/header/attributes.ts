import { isJsonObject } from "../../core/json.ts";
import { quoted, refusal } from "../refusal.ts";

// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Reads provides: an object of strings. Lists are refused, as the clients do.
 *
 * @param value What stands in the document; `undefined` reads as none.
 * @param where Member and key, for messages.
 * @throws {ArtifactError} `artifact.bad-header`.
 */
export function parseProvides(value: unknown, where: string): Map<string, string> {
  const provides = new Map<string, string>();
  for (const [key, entry] of entriesOf(value, where)) {
    provides.set(checkText(key, where), checkText(entry, where));
  }
  return provides;
}

/**
 * Reads depends: an object of strings and lists of strings; a string reads as a list of one.
 *
 * @throws {ArtifactError} `artifact.bad-header`.
 */
export function parseDepends(value: unknown, where: string): Map<string, string[]> {
  const depends = new Map<string, string[]>();
  for (const [key, entry] of entriesOf(value, where)) {
    const list = Array.isArray(entry) ? entry : [entry];
    depends.set(checkText(key, where), list.map((text) => checkText(text, where)));
  }
  return depends;
}

/** Reads a list of strings. Throws `artifact.bad-header`. */
export function parseTextList(value: unknown, where: string): string[] {
  if (!Array.isArray(value)) throw refusal("artifact.bad-header", `${where} is not a list`);
  return value.map((text) => checkText(text, where));
}

/**
 * Puts two sets together. Throws `artifact.bad-header` for a key in both (artifact-format section 4).
 *
 * @param what Name of the set, for messages.
 */
export function mergeOnce<V>(
  first: ReadonlyMap<string, V>,
  second: ReadonlyMap<string, V>,
  what: string,
): Map<string, V> {
  for (const key of second.keys()) {
    if (!first.has(key)) continue;
    throw refusal(
      "artifact.bad-header",
      `header-info and type-info both say ${what} for ${quoted(key)}`,
    );
  }
  return new Map([...first, ...second]);
}

function entriesOf(value: unknown, where: string): [string, unknown][] {
  if (value === undefined) return [];
  if (!isJsonObject(value)) throw refusal("artifact.bad-header", `${where} is not an object`);
  return Object.entries(value);
}

/** Texts end up in `key=value` lines and logs, so a control character could forge one. */
function checkText(value: unknown, where: string): string {
  if (typeof value !== "string") {
    throw refusal("artifact.bad-header", `${where} holds something other than strings`);
  }
  if (CONTROL.test(value)) {
    throw refusal("artifact.bad-header", `${where} holds a control character`);
  }
  return value;
}
