import {
  ACK_EVERY_CHUNKS,
  ackFrame,
  type FileFacts,
  type Frame,
  integerProperty,
  pathFrame,
  PROTOCOLS,
  readFileInfo,
  readTransferError,
} from "../../../connect/protocol/internal.ts";
import { type Answer, emptyAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { ServerRefusal } from "../refusal.ts";
import { leave, nextOf, shakeHands } from "./device_handshake.ts";
import { openFileSession } from "./device_routes.ts";
import type { RemoteSession } from "./remote_session.ts";

/** Bits of Go's file mode that only something else than a regular file has. */
const KIND_BITS = [2 ** 31, 2 ** 27, 2 ** 26, 2 ** 25, 2 ** 24, 2 ** 21];

/** `GET` and `HEAD .../devices/{id}/download?path=`: a file of the device. */
export async function downloadFile(call: Call): Promise<Answer> {
  const path = call.query.get("path") ?? "";
  if (!path.startsWith("/")) {
    throw new ServerRefusal("server.bad-request", "path: must be absolute");
  }
  const session = openFileSession(call);
  try {
    await shakeHands(session, PROTOCOLS.fileTransfer);
    const facts = await statFile(session, path);
    const sizeBytes = facts.sizeBytes ?? 0;
    const headers = {
      "content-type": "application/octet-stream",
      "x-men-file-path": encodeURI(path),
      "x-men-file-size": `${sizeBytes}`,
      "x-men-file-mode": (facts.goMode ?? 0).toString(8),
      ...(facts.uid !== undefined && { "x-men-file-uid": `${facts.uid}` }),
      ...(facts.gid !== undefined && { "x-men-file-gid": `${facts.gid}` }),
    };
    if (call.exchange.method === "HEAD") {
      leave(session);
      return emptyAnswer(200, headers);
    }
    return { status: 200, headers, body: { sizeBytes, chunks: chunksOf(session, path) } };
  } catch (error) {
    leave(session);
    throw error;
  }
}

async function statFile(session: RemoteSession, path: string): Promise<FileFacts> {
  session.send(pathFrame("stat", "", path));
  const answer = await nextOf(session, PROTOCOLS.fileTransfer);
  if (answer.type === "error") {
    throw new ServerRefusal("server.bad-request", readTransferError(answer));
  }
  if (answer.type !== "file_info") throw unexpected(answer);
  const facts = readFileInfo(answer);
  const mode = facts.goMode ?? 0;
  if (KIND_BITS.some((bit) => Math.floor(mode / bit) % 2 === 1)) {
    throw new ServerRefusal("server.bad-request", "path is not a regular file");
  }
  return facts;
}

async function* chunksOf(
  session: RemoteSession,
  path: string,
): AsyncGenerator<Uint8Array, void> {
  try {
    session.send(pathFrame("get_file", "", path));
    let received = 0;
    for (let count = 1;; count++) {
      const frame = await nextOf(session, PROTOCOLS.fileTransfer);
      if (frame.type === "error") {
        throw new ServerRefusal("server.bad-request", readTransferError(frame));
      }
      if (frame.type !== "file_chunk") throw unexpected(frame);
      const offset = integerProperty(frame, "offset");
      if (offset !== received) {
        session.violation(`a chunk at ${offset} where ${received} was due`);
        throw new ServerRefusal("server.device-failed", "wrong offset received");
      }
      received += frame.body.length;
      const isEnd = frame.body.length === 0;
      if (isEnd || count % ACK_EVERY_CHUNKS === 0) session.send(ackFrame("", received));
      if (isEnd) return;
      yield frame.body;
    }
  } finally {
    leave(session);
  }
}

function unexpected(frame: Frame): ServerRefusal {
  return new ServerRefusal("server.device-failed", `unexpected message ${frame.type}`);
}
