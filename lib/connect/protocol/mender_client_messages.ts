/**
 * Requests to the update client on the device.
 *
 * @see contracts/connect-protocol.md section 9
 * @module
 */
import { type FrameInit, PROTOCOLS } from "./frame.ts";
import { SHELL_STATUS } from "./shell_messages.ts";
import { int64 } from "./wire_value.ts";

/** Types of these messages, in both directions. */
export type MenderClientType = "check-update" | "send-inventory";

/** The request. */
export function menderClientFrame(
  type: MenderClientType,
  sessionId: string,
  userId: string,
): FrameInit {
  return { protocol: PROTOCOLS.menderClient, type, sessionId, properties: { user_id: userId } };
}

/** The answer: the same type; with a text it is a failure. */
export function menderClientAnswer(type: string, sessionId: string, failure?: string): FrameInit {
  const status = failure === undefined ? SHELL_STATUS.normal : SHELL_STATUS.error;
  return {
    protocol: PROTOCOLS.menderClient,
    type,
    sessionId,
    properties: { status: int64(status) },
    ...(failure !== undefined && { body: failure }),
  };
}
