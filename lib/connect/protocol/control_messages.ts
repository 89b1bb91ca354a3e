/**
 * Session control: handshake, keep-alive, end and errors of a session.
 *
 * @see contracts/connect-protocol.md section 4
 * @module
 */
import { BodyFields, bodyOf } from "./body_fields.ts";
import { type Frame, type FrameInit, PROTOCOLS } from "./frame.ts";
import { badMessage } from "./msgpack_reader.ts";
import { WireInteger } from "./wire_value.ts";

/** Version of the handshake that exists. */
export const CONTROL_VERSION = 1;

/** Types of control messages. */
export type ControlType = "open" | "accept" | "ping" | "pong" | "close" | "error";

/** What an `error` says. */
export interface ControlError {
  /** What went wrong. */
  readonly text: string;
  /** Whether the session is over. */
  readonly isClosing: boolean;
  /** Protocol of the message that caused it. */
  readonly protocol?: number | undefined;
  /** Type of the message that caused it. */
  readonly type?: string | undefined;
  /** ID of the message that caused it. */
  readonly messageId?: string | undefined;
  /** HTTP status of the same meaning, 400 to 599. */
  readonly code?: number | undefined;
}

/** `open`: the peer offers versions of the handshake. */
export function openFrame(sessionId: string, versions: readonly number[]): FrameInit {
  return control("open", sessionId, bodyOf({ versions: [...versions] }));
}

/** The versions that an `open` offers. Throws `session.bad-message`. */
export function readOpen(frame: Frame): readonly number[] {
  return new BodyFields(frame.body).integers("versions") ?? [];
}

/** `accept`: the device names the version, and the protocols that are switched on. */
export function acceptFrame(sessionId: string, protocols: readonly number[]): FrameInit {
  const list = protocols.map((number) => new WireInteger(BigInt(number), "uint16"));
  return control("accept", sessionId, bodyOf({ version: CONTROL_VERSION, protocols: list }));
}

/** What an `accept` says. Throws `session.bad-message`. */
export function readAccept(frame: Frame): { version: number; protocols: readonly number[] } {
  const fields = new BodyFields(frame.body);
  const version = fields.count("version");
  if (version === undefined) throw badMessage("version is missing");
  return { version, protocols: fields.integers("protocols") ?? [] };
}

/** A message without a body. */
export function plainControlFrame(type: "ping" | "pong" | "close", sessionId: string): FrameInit {
  return control(type, sessionId);
}

/** `error`. */
export function controlErrorFrame(sessionId: string, error: ControlError): FrameInit {
  const { protocol } = error;
  return control(
    "error",
    sessionId,
    bodyOf({
      err: error.text,
      close: error.isClosing,
      msgproto: protocol === undefined ? undefined : new WireInteger(BigInt(protocol), "uint16"),
      msgtype: error.type,
      msgid: error.messageId,
      code: error.code,
    }),
  );
}

/** What an `error` says. Throws `session.bad-message`. */
export function readControlError(frame: Frame): ControlError {
  const fields = new BodyFields(frame.body);
  return {
    text: fields.text("err") ?? "",
    isClosing: fields.flag("close") ?? false,
    protocol: fields.count("msgproto"),
    type: fields.text("msgtype"),
    messageId: fields.text("msgid"),
    code: fields.count("code"),
  };
}

function control(type: ControlType, sessionId: string, body?: Uint8Array): FrameInit {
  return { protocol: PROTOCOLS.control, type, sessionId, ...(body && { body }) };
}
