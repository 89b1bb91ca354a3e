import { parseContentRange } from "../core/content_range.ts";
import { type FileVersion, isSameFile, isSurelySameFile, versionOf } from "./file_version.ts";

/** What a download has when it asks for more. */
export interface AskedFor {
  /** Bytes stored, and so the first one that was asked for. */
  readonly offset: number;
  /** What is known of the file from earlier answers. */
  readonly known: FileVersion;
}

/**
 * What to do with the answer to a request for an Artifact.
 *
 * `take`: its body continues what is stored, after `skip` bytes that are stored already. `anew`: its
 * body is the whole file, or another file: forget what is stored and take it from the first byte.
 * `forget`: its body is of no use; forget what is stored and ask again. `complete`: everything is
 * stored. `renew`: the link does not work any more; ask the server for a fresh one. `retry`: ask again
 * later. `refuse`: no further request can help.
 */
export type Judgement =
  | { readonly do: "take"; readonly skip: number; readonly version: FileVersion }
  | { readonly do: "anew"; readonly version: FileVersion; readonly why: string }
  | { readonly do: "forget" | "renew" | "retry" | "refuse"; readonly why: string }
  | { readonly do: "complete" };

/**
 * Judges an answer by its head alone.
 *
 * A range is never believed without its `Content-Range`: it must be whole, begin at or before the byte
 * that was asked for, and be of the same file.
 *
 * @see device-api section 6; RFC 9110 section 14 and section 15
 */
export function judgeAnswer(
  asked: AskedFor,
  status: number,
  headers: ReadonlyMap<string, string>,
): Judgement {
  if (status === 200) return judgeWhole(asked, headers);
  if (status === 206) return judgePart(asked, headers);
  if (status === 416) return judgeBeyond(asked, headers);
  const why = `the server answered ${status}`;
  if (status === 403 || status === 404) return { do: "renew", why };
  const isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return { do: isFinal ? "refuse" : "retry", why };
}

function judgeWhole({ offset, known }: AskedFor, headers: ReadonlyMap<string, string>): Judgement {
  const version = versionOf(headers, contentLength(headers));
  if (offset === 0 && isSameFile(known, version)) return { do: "take", skip: 0, version };
  // The server does not do ranges. Only a tag can vouch that its bytes are those that are stored.
  if (isSurelySameFile(known, version)) return { do: "take", skip: offset, version };
  const why = isSameFile(known, version)
    ? "the server sent it from its start"
    : "the file has changed";
  return { do: "anew", version, why };
}

function judgePart({ offset, known }: AskedFor, headers: ReadonlyMap<string, string>): Judgement {
  const written = headers.get("content-range");
  const range = parseContentRange(written);
  if (range === undefined) {
    const found = written === undefined ? "none" : JSON.stringify(written.slice(0, 80));
    return { do: "retry", why: `a part must say which one it is, found Content-Range ${found}` };
  }
  const version = versionOf(headers, range.total);
  const length = contentLength(headers);
  if (length !== undefined && length !== range.last - range.first + 1) {
    return { do: "retry", why: `${length} bytes were announced for the range ${written}` };
  }
  if (!isSameFile(known, version)) return { do: "forget", why: "the file has changed" };
  if (range.first > offset) {
    return { do: "retry", why: `the server sent bytes from ${range.first}, asked for ${offset}` };
  }
  if (range.last < offset) {
    return { do: "retry", why: `the server sent bytes up to ${range.last}, asked for ${offset}` };
  }
  return { do: "take", skip: offset - range.first, version };
}

function judgeBeyond({ offset, known }: AskedFor, headers: ReadonlyMap<string, string>): Judgement {
  const total = /^\s*bytes\s+\*\/(\d{1,15})\s*$/i.exec(headers.get("content-range") ?? "")?.[1];
  const size = total === undefined ? known.totalBytes : Number(total);
  const isConsistent = known.totalBytes === undefined || known.totalBytes === size;
  if (offset > 0 && size === offset && isConsistent) return { do: "complete" };
  if (offset === 0) {
    return { do: "retry", why: "the server answered 416 to a request for everything" };
  }
  return { do: "forget", why: `${offset} bytes are stored, and the server has none behind them` };
}

function contentLength(headers: ReadonlyMap<string, string>): number | undefined {
  const length = headers.get("content-length")?.trim();
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}
