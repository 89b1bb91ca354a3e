import { isJsonObject, type JsonObject } from "../../core/json.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { type ArtifactErrorCode, quoted, refusal } from "../refusal.ts";

/**
 * Reads a JSON object strictly: UTF-8, no key twice in one object, bounded nesting. Two programs that
 * read a repeated key differently would see two different Artifacts under one signature.
 *
 * @param member Name of the member, for messages.
 * @param code Code of the error when it cannot be read.
 * @param maxDepth Objects and lists inside each other.
 */
export function parseDocument(
  bytes: Uint8Array,
  member: string,
  code: ArtifactErrorCode,
  maxDepth: number = DEFAULT_LIMITS.documentDepth,
): JsonObject {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw refusal(code, `${quoted(member)} is not JSON in UTF-8`, { cause });
  }
  if (!isJsonObject(value)) throw refusal(code, `${quoted(member)} is not a JSON object`);
  checkStructure(text, member, code, maxDepth);
  return value;
}

/** Walks over a text that is known to be JSON. */
function checkStructure(text: string, member: string, code: ArtifactErrorCode, maxDepth: number) {
  const open: (Set<string> | undefined)[] = []; // the keys met, for each open object
  let isKeyNext = false;
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case '"': {
        const start = i;
        for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
        if (!isKeyNext) break;
        const key: string = JSON.parse(text.slice(start, i + 1));
        const keys = open.at(-1);
        if (keys?.has(key)) {
          throw refusal(code, `${quoted(member)} has the key ${quoted(key)} twice in one object`);
        }
        keys?.add(key);
        isKeyNext = false;
        break;
      }
      case "{":
      case "[":
        isKeyNext = text[i] === "{";
        open.push(isKeyNext ? new Set() : undefined);
        if (open.length > maxDepth) {
          throw refusal(code, `${quoted(member)} is nested deeper than ${maxDepth} levels`);
        }
        break;
      case "}":
      case "]":
        open.pop();
        isKeyNext = false;
        break;
      case ",":
        isKeyNext = open.at(-1) !== undefined;
        break;
    }
  }
}
