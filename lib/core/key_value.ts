/** Attributes by name; a name that occurred several times has several values, in order. */
export type Attributes = Map<string, string[]>;

/**
 * Reads `key=value` text: the output of identity and inventory scripts, `device_type` and
 * `artifact_info`.
 *
 * Each line is stripped of blanks at both ends and split at its first `=`; nothing else is changed,
 * because the server hashes identity values as they are. Blank lines are skipped; lines without `=`
 * or without a key are set aside. A repeated key collects its values.
 *
 * @returns The attributes in order of first appearance, and the lines that were not understood.
 * @see client-behaviour A2 (mender-python-client, `scripts/aggregator`)
 */
export function parseKeyValue(text: string): { attributes: Attributes; badLines: string[] } {
  const attributes: Attributes = new Map();
  const badLines: string[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line === "") continue;
    const at = line.indexOf("=");
    if (at < 1) badLines.push(line);
    else addValues(attributes, line.slice(0, at), [line.slice(at + 1)]);
  }
  return { attributes, badLines };
}

/** Adds values to an attribute, behind those it has. */
export function addValues(attributes: Attributes, key: string, values: readonly string[]): void {
  const known = attributes.get(key);
  if (known === undefined) attributes.set(key, [...values]);
  else known.push(...values);
}
