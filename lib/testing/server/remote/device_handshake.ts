import {
  CONTROL_VERSION,
  type Frame,
  openFrame,
  plainControlFrame,
  PROTOCOLS,
  readAccept,
  readControlError,
} from "../../../connect/protocol/internal.ts";
import { ServerRefusal } from "../refusal.ts";
import type { RemoteSession } from "./remote_session.ts";

/**
 * Shakes hands with a device that has to offer a protocol. Whoever calls this ends the session by
 * {@link leave}, also when it fails: otherwise the device tells of a timeout a minute later.
 *
 * @throws {ServerRefusal} `server.timeout`, `server.conflict` (gone), `server.device-failed` (its own
 * error), `server.bad-gateway` (it does not offer the protocol).
 * @see contracts/embedded-server.md section 5, "What the server does for cp"
 */
export async function shakeHands(session: RemoteSession, protocol: number): Promise<void> {
  session.send(openFrame("", [CONTROL_VERSION]));
  const answer = await session.next();
  if (answer.type === "error") {
    throw new ServerRefusal("server.device-failed", readControlError(answer).text);
  }
  if (answer.type !== "accept" || !readAccept(answer).protocols.includes(protocol)) {
    throw new ServerRefusal("server.bad-gateway", "the device does not offer this");
  }
}

/** Ends a session at both ends. */
export function leave(session: RemoteSession): void {
  session.send(plainControlFrame("close", ""));
  session.close();
}

/** The next message of a protocol; pings of the device are answered meanwhile. */
export async function nextOf(session: RemoteSession, protocol: number): Promise<Frame> {
  for (;;) {
    const frame = await session.next();
    if (frame.protocol === PROTOCOLS.control) {
      if (frame.type === "ping") session.send(plainControlFrame("pong", ""));
      else if (frame.type === "error") {
        throw new ServerRefusal("server.device-failed", readControlError(frame).text);
      }
    } else if (frame.protocol === protocol) return frame;
  }
}
