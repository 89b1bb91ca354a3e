/** What a `Content-Range` header says: the bytes that follow, both ends included. */
export interface ContentRange {
  /** Position of the first byte. */
  readonly first: number;
  /** Position of the last byte. */
  readonly last: number;
  /** Size of the whole file; `undefined` where the server wrote `*`. */
  readonly total: number | undefined;
}

/**
 * Reads a `Content-Range` header of a 206 answer: `bytes 0-99/1000` or `bytes 0-99/*`.
 *
 * @returns `undefined` when it is absent, garbled, or contradicts itself.
 * @see RFC 9110 section 14.4
 */
export function parseContentRange(value: string | undefined): ContentRange | undefined {
  const match = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(value ?? "");
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  const total = match[3] === "*" ? undefined : Number(match[3]);
  if (last < first || (total !== undefined && last >= total)) return undefined;
  return { first, last, total };
}
