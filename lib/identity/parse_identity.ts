import { addValues, type Attributes } from "../core/key_value.ts";

/** The two ways in which Mender clients write the identity. */
export type IdentityForm = "array" | "scalar";

/** What Python counts as blanks at the ends of a line. */
const BLANK =
  "\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const OUTER_BLANKS = new RegExp(`^[${BLANK}]+|[${BLANK}]+$`, "g");

/**
 * Reads the output of the identity script exactly as the client did that wrote the same form before,
 * because the server hashes the values: mender-python-client (`array`) strips the blanks around each
 * line, the Go and C++ clients (`scalar`) keep them and drop only a carriage return at the end.
 *
 * Unlike inventory, an empty key is kept, as all of them do.
 *
 * @returns The attributes in order of appearance, and the lines without `=`.
 * @see tests/data/mender_3_4 and tests/data/python_client, recorded from the real clients
 */
export function parseIdentity(
  text: string,
  form: IdentityForm,
): { attributes: Attributes; badLines: string[] } {
  const attributes: Attributes = new Map();
  const badLines: string[] = [];
  for (const raw of text.split("\n")) {
    const line = form === "array" ? raw.replace(OUTER_BLANKS, "") : raw.replace(/\r$/, "");
    if (line.trim() === "") continue;
    const at = line.indexOf("=");
    if (at < 0) badLines.push(line);
    else addValues(attributes, line.slice(0, at), [line.slice(at + 1)]);
  }
  return { attributes, badLines };
}
