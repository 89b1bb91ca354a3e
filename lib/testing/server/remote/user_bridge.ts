import {
  decodeFrame,
  encodeFrame,
  type Frame,
  int64,
  integerOf,
  MAX_TO_DEVICE_BYTES,
  PROTOCOLS,
  SHELL_STATUS,
  type WireValue,
} from "../../../connect/protocol/internal.ts";
import { messageOf } from "../../../core/errors.ts";
import type { WebSocketConnection } from "../../../runtime/websocket/websocket_driver.ts";
import type { RemoteSession } from "./remote_session.ts";

/** Bytes that may wait for a user before the device's messages are left where they are. */
const HIGH_WATER_BYTES = 1 << 20;

/** What a bridge is told. */
export interface UserBridgeOptions {
  /** Bytes of terminal output after which the session ends; the real server takes 8 MiB. */
  readonly maxTerminalBytes: number;
  /** Told what the user's client did against the contract. */
  onViolation(text: string): void;
}

/**
 * Carries messages between a user's WebSocket and a device, until either is gone.
 *
 * The user's messages get the session's ID and the user's; those of the device get the session's ID.
 * `status` and `timeout` are written as int64 towards the user: mender-cli 1.9.0 takes no other form.
 *
 * @see contracts/embedded-server.md section 4
 */
export async function bridgeUser(
  user: WebSocketConnection,
  session: RemoteSession,
  options: UserBridgeOptions,
): Promise<void> {
  let isTerminalRunning = false;
  const note = (frame: Frame): void => {
    if (frame.protocol !== PROTOCOLS.shell) return;
    if (frame.type === "new") isTerminalRunning = true;
    if (frame.type === "stop") isTerminalRunning = false;
  };
  const stop = (text: string) => ({
    protocol: PROTOCOLS.shell,
    type: "stop",
    properties: { status: int64(SHELL_STATUS.error) },
    body: text,
  });

  const toUser = async (): Promise<void> => {
    let terminalBytes = 0;
    for await (const frame of session.frames) {
      note(frame);
      user.send(encodeFrame({ ...frame, ...widened(frame), sessionId: session.id }));
      if (frame.protocol === PROTOCOLS.shell) terminalBytes += frame.body.length;
      if (terminalBytes > options.maxTerminalBytes) {
        session.send(stop("session byte limit exceeded"));
        isTerminalRunning = false;
        return user.close(1008, "session byte limit exhausted");
      }
      await user.drained(HIGH_WATER_BYTES);
    }
    // mender-cli hangs when it is not told before the connection is closed.
    user.send(encodeFrame({ ...stop("device disconnected"), sessionId: session.id }));
    user.close(1000, "device disconnected");
  };
  const toDevice = async (): Promise<void> => {
    for await (const message of user.messages) {
      try {
        const frame = decodeFrame(message);
        note(frame);
        const size = session.send(frame);
        if (size > MAX_TO_DEVICE_BYTES) options.onViolation(`a message of ${size} bytes`);
        await session.drained();
      } catch (error) {
        options.onViolation(messageOf(error));
      }
    }
    if (isTerminalRunning) session.send(stop("user disconnected"));
    session.close();
  };
  await Promise.all([toUser(), toDevice()]);
}

function widened(frame: Frame): { properties: Map<string, WireValue> } {
  const properties = new Map(frame.properties);
  for (const name of ["status", "timeout"]) {
    const value = integerOf(properties.get(name));
    if (value !== undefined) properties.set(name, int64(value));
  }
  return { properties };
}
