const LONGEST_MS = 24 * 3600 * 1000;

/**
 * Reads a `Retry-After` header: seconds, or an HTTP date.
 *
 * @param value The header as sent; `undefined` when there is none.
 * @param nowMs Wall-clock time, for the date form.
 * @returns Milliseconds to wait, between one second and one day; `undefined` when the header is
 * absent or means nothing.
 * @see RFC 9110 §10.2.3; limits from device-api §7
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? "";
  const waitMs = /^\d{1,15}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  if (text === "" || Number.isNaN(waitMs)) return undefined;
  return Math.min(Math.max(waitMs, 1000), LONGEST_MS);
}
