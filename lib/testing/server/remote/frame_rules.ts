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
    return {
      frame,
      violations: [
        ...headViolations(message as WireMap),
        ...typeViolations(frame),
        ...propertyViolations(frame),
        ...bodyViolations(frame),
      ],
    };
  } catch (error) {
    return { frame: undefined, violations: [messageOf(error)] };
  }
}

function headViolations(message: WireMap): string[] {
  const header = message.get("hdr") as WireMap;
  const strange = [
    ...[...message.keys()].filter((key) => key !== "hdr" && key !== "body"),
    ...[...header.keys()].filter((key) => !HEADER_KEYS.includes(key)),
  ];
  const proto = header.get("proto");
  const isWide = proto instanceof WireInteger ? proto.form === "uint16" : Number(proto) > 0xff;
  return [
    ...strange.length > 0 ? [`unknown keys ${strange.join(", ")}`] : [],
    ...isWide ? [] : ["proto is no uint16"],
    ...message.get("body") instanceof Uint8Array || !message.has("body")
      ? []
      : ["the body is no byte string"],
  ];
}

function typeViolations({ protocol, type, sessionId }: Frame): string[] {
  const types = TYPES.get(protocol);
  if (types === undefined) return [`unknown protocol ${protocol}`];
  return [
    ...types.includes(type) ? [] : [`a device sends no ${protocol}/${type}`],
    ...sessionId === "" ? ["no sid"] : [],
  ];
}

function propertyViolations({ protocol, type, properties }: Frame): string[] {
  const found: string[] = [];
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
  return found;
}

function bodyViolations(frame: Frame): string[] {
  const read = readerOf(frame);
  if (read === undefined) return [];
  try {
    read(frame);
    return [];
  } catch (error) {
    return [`${frame.type}: ${messageOf(error)}`];
  }
}

function readerOf({ protocol, type }: Frame): ((frame: Frame) => unknown) | undefined {
  if (protocol === PROTOCOLS.control && type === "accept") return readAccept;
  if (protocol === PROTOCOLS.fileTransfer && type === "file_info") return readFileInfo;
  if (type !== "error") return undefined;
  if (protocol === PROTOCOLS.control) return readControlError;
  return protocol === PROTOCOLS.fileTransfer ? readTransferError : readForwardError;
}
