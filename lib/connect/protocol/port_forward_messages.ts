/**
 * Port forwarding.
 *
 * @see contracts/connect-protocol.md section 8
 * @module
 */
import { BodyFields, bodyOf } from "./body_fields.ts";
import { type Frame, type FrameInit, PROTOCOLS } from "./frame.ts";
import { badMessage } from "./msgpack_reader.ts";

/** Types of port forwarding messages. */
export type PortForwardType = "new" | "forward" | "ack" | "stop" | "error";

/** What `new` asks for. */
export interface ForwardTarget {
  /** Name or address. */
  readonly host: string;
  /** Port, 1 to 65535. */
  readonly port: number;
  /** Kind of socket. */
  readonly protocol: "tcp" | "udp";
}

/** `new` of the side that listens. */
export function forwardNewFrame(
  sessionId: string,
  connectionId: string,
  target: ForwardTarget,
): FrameInit {
  const { host, port, protocol } = target;
  const body = bodyOf({ remote_host: host, remote_port: port, protocol });
  return forwardFrame("new", sessionId, connectionId, body);
}

/** What a `new` asks for. Throws `session.bad-message`. */
export function readForwardTarget(frame: Frame): ForwardTarget {
  const fields = new BodyFields(frame.body);
  const [host, port] = [fields.text("remote_host") ?? "", fields.count("remote_port") ?? 0];
  const protocol = fields.text("protocol");
  if (host === "") throw badMessage("remote_host is missing");
  if (port < 1 || port > 0xffff) throw badMessage("remote_port is missing, or no port");
  if (protocol !== "tcp" && protocol !== "udp") throw badMessage("protocol is neither tcp nor udp");
  return { host, port, protocol };
}

/** Any message that names its connection. */
export function forwardFrame(
  type: Exclude<PortForwardType, "error">,
  sessionId: string,
  connectionId: string,
  body?: Uint8Array,
): FrameInit {
  return {
    protocol: PROTOCOLS.portForward,
    type,
    sessionId,
    properties: { connection_id: connectionId },
    ...(body && { body }),
  };
}

/**
 * `error`. mender-connect names no connection here; ours does where it is known, so that a peer can
 * tell whom it is about.
 */
export function forwardErrorFrame(cause: Frame, text: string): FrameInit {
  const connection = cause.properties.get("connection_id");
  return {
    protocol: PROTOCOLS.portForward,
    type: "error",
    sessionId: cause.sessionId,
    ...(typeof connection === "string" && { properties: { connection_id: connection } }),
    body: bodyOf({ err: text, msgtype: cause.type }),
  };
}

/** The text of an `error`. Throws `session.bad-message`. */
export function readForwardError(frame: Frame): string {
  return new BodyFields(frame.body).text("err") ?? "";
}
