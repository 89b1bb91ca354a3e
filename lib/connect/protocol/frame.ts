import { nameErrors, SessionError } from "../../core/errors.ts";
import { badMessage, readMsgpack } from "./msgpack_reader.ts";
import { writeMsgpack } from "./msgpack_writer.ts";
import { integerOf, WireInteger, type WireMap, type WireValue } from "./wire_value.ts";

/** Numbers of the protocols, `hdr.proto`. */
export const PROTOCOLS = {
  shell: 1,
  fileTransfer: 2,
  portForward: 3,
  menderClient: 4,
  control: 0xffff,
} as const;

/** Largest message that mender-connect takes; whoever talks to a device stays below. */
export const MAX_TO_DEVICE_BYTES = 8191;

/** Largest message that the server takes from a device. */
export const MAX_FROM_DEVICE_BYTES = 8 << 20;

/** Largest piece of a file, or of a forwarded stream. */
export const CHUNK_BYTES = 4096;

/** A message of a session, in either direction. */
export interface Frame {
  /** One of {@link PROTOCOLS}, or a number that nobody knows. */
  readonly protocol: number;
  /** `hdr.typ`; what it may be depends on the protocol. Empty when absent. */
  readonly type: string;
  /** `hdr.sid`; empty when absent. */
  readonly sessionId: string;
  /** `hdr.props`. */
  readonly properties: ReadonlyMap<string, WireValue>;
  /** Content; empty when absent. */
  readonly body: Uint8Array;
}

/** A message to be sent; what is left out is left out on the wire. */
export interface FrameInit {
  /** `hdr.proto`. */
  readonly protocol: number;
  /** `hdr.typ`. */
  readonly type?: string;
  /** `hdr.sid`. */
  readonly sessionId?: string;
  /** `hdr.props`. */
  readonly properties?: ReadonlyMap<string, WireValue> | Readonly<Record<string, WireValue>>;
  /** `body`. */
  readonly body?: Uint8Array | string;
}

/** A message that was refused, with what could be read of its head. */
export class BadFrameError extends SessionError {
  /** The part of the head that is known. */
  readonly head: Pick<Frame, "protocol" | "type" | "sessionId"> | undefined;

  /** Wraps the reason. */
  constructor(error: SessionError, head: BadFrameError["head"]) {
    super(error.code, error.message, { cause: error, retry: "never" });
    this.head = head;
  }
}

nameErrors({ BadFrameError });

const NOTHING = new Uint8Array();

/**
 * Writes a message as Go's peers do: `proto` as uint16, empty parts left out.
 *
 * @see contracts/connect-protocol.md section 3
 */
export function encodeFrame(frame: FrameInit): Uint8Array {
  const { type = "", sessionId = "", properties = new Map() } = frame;
  const header: WireMap = new Map();
  header.set("proto", new WireInteger(BigInt(frame.protocol), "uint16"));
  if (type !== "") header.set("typ", type);
  if (sessionId !== "") header.set("sid", sessionId);
  const props = properties instanceof Map ? properties : new Map(Object.entries(properties));
  if (props.size > 0) header.set("props", props);
  const message: WireMap = new Map();
  message.set("hdr", header);
  const body = typeof frame.body === "string" ? new TextEncoder().encode(frame.body) : frame.body;
  if (body !== undefined && body.length > 0) message.set("body", body);
  return writeMsgpack(message, 256 + (body?.length ?? 0));
}

/**
 * Reads a message. Unknown keys are skipped, `nil` counts as absent, and a body may be a text, as Go
 * takes it too.
 *
 * @throws {BadFrameError} `session.bad-message`.
 */
export function decodeFrame(bytes: Uint8Array): Frame {
  const message = wrapped(() => readMsgpack(bytes), undefined);
  const head = message instanceof Map ? knownHead(message.get("hdr")) : undefined;
  return wrapped(() => frameOf(message), head);
}

/** A text of the properties. */
export function textProperty(frame: Frame, name: string): string | undefined {
  const value = frame.properties.get(name);
  return typeof value === "string" ? value : undefined;
}

/** An integer of the properties, of any form. */
export function integerProperty(frame: Frame, name: string): number | undefined {
  return integerOf(frame.properties.get(name));
}

/** The body as text; bytes that are not UTF-8 become U+FFFD. */
export function bodyText(frame: Frame): string {
  return new TextDecoder().decode(frame.body);
}

/**
 * The message that a value is, once it was read.
 *
 * @throws {SessionError} `session.bad-message`.
 */
export function frameOf(message: WireValue): Frame {
  if (!(message instanceof Map)) throw badMessage("it is no map");
  const header = message.get("hdr");
  if (!(header instanceof Map)) throw badMessage("hdr is missing, or no map");
  const protocol = integerOf(header.get("proto"));
  if (protocol === undefined || protocol < 0 || protocol > 0xffff) {
    throw badMessage("proto is missing, or no number up to 65535");
  }
  const properties = header.get("props") ?? new Map();
  if (!(properties instanceof Map)) throw badMessage("props is no map");
  const body = message.get("body") ?? NOTHING;
  if (!(body instanceof Uint8Array) && typeof body !== "string") {
    throw badMessage("body is neither bytes nor a text");
  }
  return {
    protocol,
    type: text(header, "typ"),
    sessionId: text(header, "sid"),
    properties,
    body: typeof body === "string" ? new TextEncoder().encode(body) : body,
  };
}

function text(header: WireMap, name: string): string {
  const value = header.get(name) ?? "";
  if (typeof value !== "string") throw badMessage(`${name} is no text`);
  return value;
}

function knownHead(header: WireValue | undefined): BadFrameError["head"] {
  if (!(header instanceof Map)) return undefined;
  const [type, sessionId] = [header.get("typ"), header.get("sid")];
  return {
    protocol: integerOf(header.get("proto")) ?? 0,
    type: typeof type === "string" ? type : "",
    sessionId: typeof sessionId === "string" ? sessionId : "",
  };
}

function wrapped<T>(read: () => T, head: BadFrameError["head"]): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof SessionError ? new BadFrameError(error, head) : error;
  }
}
