import {
  type Frame,
  frameOf,
  integerOf,
  PROTOCOLS,
  readAccept,
  readControlError,
  readFileInfo,
  readForwardError,
  readMsgpack,
  readTransferError,
  WireInteger,
  type WireMap,
} from "../../../connect/protocol/internal.ts";
import { messageOf } from "../../../core/errors.ts";

/** Types that a device may send, by protocol. */
const TYPES: ReadonlyMap<number, readonly string[]> = new Map([
  [PROTOCOLS.control, ["accept", "ping", "pong", "error"]],
  [PROTOCOLS.shell, ["new", "shell", "stop", "resize", "ping", "pong"]],
  [PROTOCOLS.fileTransfer, ["file_info", "file_chunk", "ack", "error"]],
  [PROTOCOLS.portForward, ["new", "forward", "ack", "stop", "error"]],
  [PROTOCOLS.menderClient, ["check-update", "send-inventory"]],
]);

const HEADER_KEYS = ["proto", "typ", "sid", "props"];

/** A message of a device, and what is wrong with it. */
export interface JudgedFrame {
  /** The message, unless it cannot be read. */
  readonly frame: Frame | undefined;
  /** What it does against the contract although the real server may let it pass. */
  readonly violations: readonly string[];
}

/**
 * Reads a message of a device, more strictly than the real server does.
 *
 * @see contracts/connect-protocol.md section 3
 */
export function judgeFrame(bytes: Uint8Array): JudgedFrame {
  try {
    const message = readMsgpack(bytes);
    const frame = frameOf(message);
    const violations: string[] = [];
    noteHead(message as WireMap, violations);
    noteType(frame, violations);
    noteProperties(frame, violations);
    noteBody(frame, violations);
    return { frame, violations };
  } catch (error) {
    return { frame: undefined, violations: [messageOf(error)] };
  }
}

function noteHead(message: WireMap, found: string[]): void {
  const header = message.get("hdr") as WireMap;
  const strange: string[] = [];
  for (const key of message.keys()) if (key !== "hdr" && key !== "body") strange.push(key);
  for (const key of header.keys()) if (!HEADER_KEYS.includes(key)) strange.push(key);
  if (strange.length > 0) found.push(`unknown keys ${strange.join(", ")}`);
  const proto = header.get("proto");
  const isWide = proto instanceof WireInteger ? proto.form === "uint16" : Number(proto) > 0xff;
  if (!isWide) found.push("proto is no uint16");
  if (!(message.get("body") instanceof Uint8Array) && message.has("body")) {
    found.push("the body is no byte string");
  }
}

function noteType({ protocol, type, sessionId }: Frame, found: string[]): void {
  const types = TYPES.get(protocol);
  if (types === undefined) return void found.push(`unknown protocol ${protocol}`);
  if (!types.includes(type)) found.push(`a device sends no ${protocol}/${type}`);
  if (sessionId === "") found.push("no sid");
}

function noteProperties({ protocol, type, properties }: Frame, found: string[]): void {
  const offset = properties.get("offset");
  const needsOffset = protocol === PROTOCOLS.fileTransfer &&
    (type === "file_chunk" || type === "ack");
  if (needsOffset && offset === undefined) found.push(`${type} without offset`);
  // An error echoes what the peer wrote.
  if (
    offset !== undefined && type !== "error" &&
    !(offset instanceof WireInteger && offset.form === "int64")
  ) {
    found.push("offset is no int64");
  }
  const needsStatus = protocol === PROTOCOLS.shell || protocol === PROTOCOLS.menderClient;
  const status = integerOf(properties.get("status"));
  if (needsStatus && (status === undefined || status < 1 || status > 3)) {
    found.push(`${type} without a status of 1 to 3`);
  }
  const needsConnection = protocol === PROTOCOLS.portForward && type !== "error";
  if (needsConnection && typeof properties.get("connection_id") !== "string") {
    found.push(`${type} without connection_id`);
  }
}

function noteBody(frame: Frame, found: string[]): void {
  try {
    readerOf(frame)?.(frame);
  } catch (error) {
    found.push(`${frame.type}: ${messageOf(error)}`);
  }
}

function readerOf({ protocol, type }: Frame): ((frame: Frame) => unknown) | undefined {
  if (protocol === PROTOCOLS.control && type === "accept") return readAccept;
  if (protocol === PROTOCOLS.fileTransfer && type === "file_info") return readFileInfo;
  if (type !== "error") return undefined;
  if (protocol === PROTOCOLS.control) return readControlError;
  return protocol === PROTOCOLS.fileTransfer ? readTransferError : readForwardError;
}
