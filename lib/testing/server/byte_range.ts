/** What of a body is to be sent: all of it, a part (both ends included), or nothing that exists. */
export type ByteRange =
  | { readonly type: "whole" }
  | { readonly type: "part"; readonly first: number; readonly last: number }
  | { readonly type: "unsatisfiable" };

/**
 * Decides a `Range` request (RFC 9110 section 14.2).
 *
 * One range of bytes is granted. What is no byte range, or several of them, may be ignored by a server
 * and is: the whole body is sent. With `If-Range` a range counts only while `etag` is the same.
 *
 * @param range The `Range` header, if any.
 * @param ifRange The `If-Range` header, if any; only a strong entity tag can match.
 * @param etag Strong entity tag of the body, with its quotes.
 * @param sizeBytes Size of the whole body.
 */
export function decideRange(
  range: string | undefined,
  ifRange: string | undefined,
  etag: string,
  sizeBytes: number,
): ByteRange {
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/.exec(range ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return { type: "whole" };
  if (ifRange !== undefined && ifRange !== etag) return { type: "whole" };
  if (match[1] === "") {
    const count = Math.min(Number(match[2]), sizeBytes);
    if (count === 0) return { type: "unsatisfiable" };
    return { type: "part", first: sizeBytes - count, last: sizeBytes - 1 };
  }
  const first = Number(match[1]);
  const last = match[2] === "" ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1);
  if (match[2] !== "" && Number(match[2]) < first) return { type: "whole" };
  if (first >= sizeBytes) return { type: "unsatisfiable" };
  return { type: "part", first, last };
}
