import { refusal } from "../refusal.ts";

/** What a pax header may change in the member behind it. */
export interface PaxRecords {
  /** Its name, in place of the one in its header. */
  readonly path?: string;
  /** Its size in bytes, in place of the one in its header. */
  readonly sizeBytes?: number;
}

/**
 * Reads the records of a pax header (`<length> <key>=<value>\n`). `path` and `size` are used; times,
 * owners and the like change nothing here.
 *
 * @throws {ArtifactError} `artifact.bad-tar`; `artifact.bad-member-type` for a sparse file or a link.
 */
export function parsePaxRecords(bytes: Uint8Array, archive: string): PaxRecords {
  const bad = (why: string, cause?: unknown) =>
    refusal("artifact.bad-tar", `a pax header in ${archive} ${why}`, { cause });
  const result: { path?: string; sizeBytes?: number } = {};
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(0x20, at);
    const digits = blank < 0
      ? ""
      : String.fromCharCode(...bytes.subarray(at, Math.min(blank, at + 9)));
    const length = /^[1-9]\d{0,7}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (end <= blank + 1 || end > bytes.length || bytes[end - 1] !== 0x0a) {
      throw bad("has a record of the wrong length");
    }
    let text: string;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
        .decode(bytes.subarray(blank + 1, end - 1));
    } catch (cause) {
      throw bad("is not UTF-8", cause);
    }
    const equals = text.indexOf("=");
    if (equals < 1) throw bad("has a record without a key");
    const key = text.slice(0, equals);
    const value = text.slice(equals + 1);
    if (key === "path") result.path = value;
    else if (key === "size") {
      if (!/^\d{1,15}$/.test(value)) throw bad("has an unusable size");
      result.sizeBytes = Number(value);
    } else if (key.startsWith("GNU.sparse.") || key === "linkpath") {
      throw refusal(
        "artifact.bad-member-type",
        `a pax header in ${archive} says "${key}", wanted a regular file`,
      );
    }
    at = end;
  }
  return result;
}
