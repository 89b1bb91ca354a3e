import { Buffer } from "node:buffer";
import {
  CHUNK_BYTES,
  chunkFrame,
  integerProperty,
  PROTOCOLS,
  putFrame,
  type PutRequest,
  readTransferError,
  WINDOW_BYTES,
} from "../../../connect/protocol/internal.ts";
import { type Answer, emptyAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { formBoundary, type FormPart, partText, readForm } from "../multipart.ts";
import { ServerRefusal } from "../refusal.ts";
import { leave, nextOf, shakeHands } from "./device_handshake.ts";
import { openFileSession } from "./device_routes.ts";
import type { RemoteSession } from "./remote_session.ts";

const MAX_FIELD_BYTES = 64 * 1024;

/**
 * `PUT .../devices/{id}/upload`: a form with `path`, the `file`, and `mode`, `uid` and `gid` before or
 * behind it; so the file is kept in memory until the whole form is here.
 */
export async function uploadFile(call: Call): Promise<Answer> {
  const boundary = formBoundary(call.exchange.headers.get("content-type"));
  if (boundary === undefined) {
    throw new ServerRefusal("server.bad-request", "request Content-Type isn't multipart/form-data");
  }
  let form: Form;
  try {
    form = await readUpload(call, boundary);
  } finally {
    await call.exchange.drain();
  }
  const session = openFileSession(call);
  try {
    await shakeHands(session, PROTOCOLS.fileTransfer);
    await send(session, form);
  } finally {
    leave(session);
  }
  return emptyAnswer(201);
}

interface Form {
  readonly request: PutRequest;
  readonly chunks: readonly Uint8Array[];
}

async function readUpload(call: Call, boundary: string): Promise<Form> {
  const fields = new Map<string, string>();
  let file: { name: string; chunks: Uint8Array[] } | undefined;
  for await (const part of readForm(call.exchange.chunks(), boundary)) {
    if (part.name === "file") file = { name: part.filename ?? "", chunks: await bytesOf(part) };
    else fields.set(part.name, await partText(part, MAX_FIELD_BYTES));
  }
  const path = fields.get("path") ?? "";
  if (!path.startsWith("/")) {
    throw new ServerRefusal("server.bad-request", "path: must be absolute");
  }
  if (file === undefined) throw new ServerRefusal("server.bad-request", "missing file");
  const number = (name: string, radix: number): number | undefined => {
    const text = fields.get(name);
    return text === undefined || text === "" ? undefined : parseInt(text, radix);
  };
  return {
    chunks: file.chunks,
    request: {
      path,
      sourcePath: file.name,
      goMode: number("mode", 8),
      uid: number("uid", 10),
      gid: number("gid", 10),
    },
  };
}

async function bytesOf(part: FormPart): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of part.body) chunks.push(Uint8Array.from(chunk));
  return chunks;
}

async function send(session: RemoteSession, { request, chunks }: Form): Promise<void> {
  session.send(putFrame("", request));
  let acknowledged = await nextAck(session);
  let sent = 0;
  for (const chunk of pieces(chunks)) {
    while (sent + chunk.length > acknowledged + WINDOW_BYTES) acknowledged = await nextAck(session);
    session.send(chunkFrame("", sent, chunk));
    sent += chunk.length;
    await session.drained();
  }
  session.send(chunkFrame("", sent));
  // Of an empty file the first of these is for the end, not for the request, which had its own.
  do acknowledged = await nextAck(session); while (acknowledged < sent);
}

async function nextAck(session: RemoteSession): Promise<number> {
  const frame = await nextOf(session, PROTOCOLS.fileTransfer);
  if (frame.type === "error") {
    throw new ServerRefusal("server.bad-request", readTransferError(frame));
  }
  const offset = integerProperty(frame, "offset");
  if (frame.type === "ack" && offset !== undefined) return offset;
  throw new ServerRefusal("server.device-failed", `unexpected message ${frame.type}`);
}

/** Cuts what came into pieces of the size that a device takes. */
function* pieces(chunks: readonly Uint8Array[]): Generator<Uint8Array> {
  let held = Buffer.alloc(0);
  for (const chunk of chunks) {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
    for (; held.length >= CHUNK_BYTES; held = held.subarray(CHUNK_BYTES)) {
      yield held.subarray(0, CHUNK_BYTES);
    }
  }
  if (held.length > 0) yield held;
}
