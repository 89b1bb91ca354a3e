import { nameErrors } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";

/** JSON that does not follow the grammar, with the place of the fault. */
export class JsonSyntaxError extends SyntaxError {
  /** Line of the fault, from 1. */
  readonly line: number;
  /** Column of the fault, from 1, in characters. */
  readonly column: number;

  /** Makes an error; `reason` tells what was found at the place. */
  constructor(reason: string, line: number, column: number) {
    super(`line ${line}, column ${column}: ${reason}`);
    this.line = line;
    this.column = column;
  }
}

nameErrors({ JsonSyntaxError });

const MAX_DEPTH = 32;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const BLANKS = /[ \t\r\n]*/y;

/**
 * Parses JSON as `JSON.parse` does, and tells what that does not: the place of a fault, in the same
 * words on every runtime, and the keys that an object holds twice (the last one wins).
 *
 * Objects have no prototype, so that any key is only a key.
 *
 * @returns The value, and the repeated keys, dotted from the outermost object.
 * @throws {JsonSyntaxError} The text is not JSON, or is nested deeper than 32.
 */
export function parseJsonText(text: string): { value: unknown; repeatedKeys: string[] } {
  const repeatedKeys: string[] = [];
  let at = 0;

  const fail = (reason: string): never => {
    const before = text.slice(0, at).split("\n");
    throw new JsonSyntaxError(reason, before.length, before[before.length - 1]!.length + 1);
  };
  const unexpected = (wanted: string): never => {
    if (at >= text.length) return fail(`the text ends where ${wanted} was wanted`);
    if (/^(?:\/\/|\/\*|#)/.test(text.slice(at, at + 2))) return fail("JSON has no comments");
    return fail(`found ${JSON.stringify(text[at])} where ${wanted} was wanted`);
  };
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const next = (): string | undefined => {
    take(BLANKS);
    return text[at];
  };
  const string = (): string => {
    if (text[at] !== '"') return unexpected("text in double quotes");
    let end = at + 1;
    while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
    let result: string;
    try {
      result = JSON.parse(text.slice(at, end + 1));
    } catch {
      // Runtimes word it differently, and repeat the text, which may be a secret.
      return fail("this text is not closed, or not well formed");
    }
    at = end + 1;
    return result;
  };

  const object = (path: string, depth: number): JsonObject => {
    const result: JsonObject = Object.create(null);
    at++;
    if (next() === "}") {
      at++;
      return result;
    }
    for (;;) {
      if (next() === "}") return fail("a comma stands before the closing brace");
      const key = string();
      if (key in result) repeatedKeys.push(path + key);
      if (next() !== ":") return unexpected("a colon");
      at++;
      result[key] = value(`${path}${key}.`, depth);
      const end = next();
      if (end !== "," && end !== "}") return unexpected("a comma or a closing brace");
      at++;
      if (end === "}") return result;
    }
  };
  const list = (path: string, depth: number): unknown[] => {
    const result: unknown[] = [];
    at++;
    if (next() === "]") {
      at++;
      return result;
    }
    for (;;) {
      if (next() === "]") return fail("a comma stands before the closing bracket");
      result.push(value(path, depth));
      const end = next();
      if (end !== "," && end !== "]") return unexpected("a comma or a closing bracket");
      at++;
      if (end === "]") return result;
    }
  };
  const value = (path: string, depth: number): unknown => {
    if (depth >= MAX_DEPTH) return fail(`nested deeper than ${MAX_DEPTH}`);
    const first = next();
    if (first === "{") return object(path, depth + 1);
    if (first === "[") return list(path, depth + 1);
    if (first === '"') return string();
    const scalar = take(WORD) ?? take(NUMBER);
    return scalar === undefined ? unexpected("a value") : JSON.parse(scalar);
  };

  const whole = value("", 0);
  if (next() !== undefined) unexpected("the end");
  return { value: whole, repeatedKeys };
}
