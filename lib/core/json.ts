/** A JSON object: what `JSON.parse` makes of `{...}`. */
export type JsonObject = { [key: string]: unknown };

/** Whether a value is a JSON object: not null, not a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What a text holds, or `undefined` when it is no JSON; for a schema, which then says that it is not what
 * was wanted.
 */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
