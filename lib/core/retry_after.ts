const LONGEST_MS = 24 * 3600 * 1000;

/** All three forms of an HTTP date begin with the day of the week; `Date.parse` takes anything. */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:[a-z]*,)? .*\d\d:\d\d:\d\d(?: GMT| \d{4})$/;

/**
 * Reads a `Retry-After` header: seconds, or an HTTP date.
 *
 * @param value The header as sent; `undefined` when there is none.
 * @param nowMs Wall-clock time, for the date form.
 * @returns Milliseconds to wait, between one second and one day; `undefined` when the header is
 * absent or means nothing.
 * @see RFC 9110 section 10.2.3; limits from device-api section 7
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? "";
  const waitMs = /^\d{1,15}$/.test(text) ? Number(text) * 1000 : parseHttpDate(text) - nowMs;
  if (Number.isNaN(waitMs)) return undefined;
  return Math.min(Math.max(waitMs, 1000), LONGEST_MS);
}

function parseHttpDate(text: string): number {
  if (!HTTP_DATE.test(text)) return NaN;
  // The oldest form names no zone, and would be taken for local time.
  return Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
}
