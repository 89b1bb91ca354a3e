/**
 * File transfer.
 *
 * @see contracts/connect-protocol.md section 7
 * @module
 */
import { BodyFields, bodyOf, timeValue } from "./body_fields.ts";
import { type Frame, type FrameInit, PROTOCOLS } from "./frame.ts";
import { badMessage } from "./msgpack_reader.ts";
import { int64, type WireValue } from "./wire_value.ts";

/** Types of file transfer messages. */
export type FileTransferType =
  | "get_file"
  | "put_file"
  | "stat"
  | "file_info"
  | "file_chunk"
  | "ack"
  | "error";

/** Bytes that a sender may be ahead of the last acknowledged offset. */
export const WINDOW_BYTES = 20 * 4096;

/** Chunks after which a receiver acknowledges at the latest. */
export const ACK_EVERY_CHUNKS = 10;

/** Facts of a file; numbers as they stand on the wire (`mode` is Go's). */
export interface FileFacts {
  /** Path on the device. */
  readonly path: string;
  /** Size in bytes. */
  readonly sizeBytes?: number | undefined;
  /** Owner. */
  readonly uid?: number | undefined;
  /** Group. */
  readonly gid?: number | undefined;
  /** Mode as Go counts it, see `goFileMode`. */
  readonly goMode?: number | undefined;
  /** Last change, in milliseconds since 1970. */
  readonly modifiedAtMs?: number | undefined;
}

/** What `put_file` asks for. */
export interface PutRequest extends FileFacts {
  /** Path at the sender; its last part names the file when `path` is a directory. */
  readonly sourcePath?: string | undefined;
}

/** `get_file` or `stat`. */
export function pathFrame(type: "get_file" | "stat", sessionId: string, path: string): FrameInit {
  return transfer(type, sessionId, { body: bodyOf({ path }) });
}

/** The path of a `get_file` or `stat`. Throws `session.bad-message`. */
export function readPath(frame: Frame): string {
  return required(new BodyFields(frame.body), "path");
}

/** `put_file`. */
export function putFrame(sessionId: string, request: PutRequest): FrameInit {
  return transfer("put_file", sessionId, {
    body: bodyOf({ src_path: request.sourcePath, ...factFields(request) }),
  });
}

/** What a `put_file` asks for. Throws `session.bad-message`. */
export function readPut(frame: Frame): PutRequest {
  const fields = new BodyFields(frame.body);
  return { sourcePath: fields.text("src_path"), ...readFacts(fields) };
}

/** `file_info`. */
export function fileInfoFrame(sessionId: string, facts: FileFacts): FrameInit {
  return transfer("file_info", sessionId, { body: bodyOf(factFields(facts)) });
}

/** What a `file_info` says. Throws `session.bad-message`. */
export function readFileInfo(frame: Frame): FileFacts {
  return readFacts(new BodyFields(frame.body));
}

/** `file_chunk`; without bytes it is the end of the file. `offset` is written as int64. */
export function chunkFrame(sessionId: string, offset: number, bytes?: Uint8Array): FrameInit {
  return transfer("file_chunk", sessionId, {
    properties: { offset: int64(offset) },
    ...(bytes && { body: bytes }),
  });
}

/** `ack`. `offset` is written as int64: peers take no other form. */
export function ackFrame(sessionId: string, offset: number): FrameInit {
  return transfer("ack", sessionId, { properties: { offset: int64(offset) } });
}

/** `error`, with the properties of the message that caused it. */
export function transferErrorFrame(cause: Frame, text: string): FrameInit {
  return transfer("error", cause.sessionId, {
    properties: cause.properties,
    body: bodyOf({ err: text, msgtype: cause.type }),
  });
}

/** The text of an `error`. Throws `session.bad-message`. */
export function readTransferError(frame: Frame): string {
  return new BodyFields(frame.body).text("err") ?? "";
}

function factFields(facts: FileFacts): Record<string, WireValue | undefined> {
  return {
    path: facts.path,
    size: facts.sizeBytes,
    uid: facts.uid,
    gid: facts.gid,
    mode: facts.goMode,
    modtime: facts.modifiedAtMs === undefined ? undefined : timeValue(facts.modifiedAtMs),
  };
}

function readFacts(fields: BodyFields): FileFacts {
  return {
    path: required(fields, "path"),
    sizeBytes: fields.count("size"),
    uid: fields.count("uid"),
    gid: fields.count("gid"),
    goMode: fields.count("mode"),
    modifiedAtMs: fields.time("modtime"),
  };
}

function required(fields: BodyFields, name: string): string {
  const value = fields.text(name) ?? "";
  if (value === "") throw badMessage(`${name} is missing`);
  return value;
}

function transfer(
  type: FileTransferType,
  sessionId: string,
  rest: Pick<FrameInit, "properties" | "body">,
): FrameInit {
  return { protocol: PROTOCOLS.fileTransfer, type, sessionId, ...rest };
}
