import {
  decodeFrame,
  encodeFrame,
  type Frame,
  type FrameInit,
} from "../../lib/connect/protocol/internal.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import type { WebSocketConnection } from "../../lib/runtime/websocket/websocket_driver.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { acceptedDevice } from "./with_server.ts";

/** One end of a WebSocket of the server, spoken by hand. */
export class FramePeer {
  readonly connection: WebSocketConnection;
  readonly #messages: AsyncIterator<Uint8Array>;

  constructor(connection: WebSocketConnection) {
    this.connection = connection;
    this.#messages = connection.messages[Symbol.asyncIterator]();
  }

  /** Sends a message, or any bytes. */
  send(frame: FrameInit | Uint8Array): void {
    this.connection.send(frame instanceof Uint8Array ? frame : encodeFrame(frame));
  }

  /** The next message, or `undefined` at the end. */
  async next(): Promise<Frame | undefined> {
    const { done, value } = await this.#messages.next();
    return done === true ? undefined : decodeFrame(value);
  }
}

/** Opens a WebSocket of the server under a token. */
export async function openFramePeer(
  server: MenderServer,
  path: string,
  token: string,
): Promise<FramePeer> {
  const { webSockets } = await hostDrivers();
  return new FramePeer(
    await webSockets.connect({
      url: server.url + path,
      headers: { authorization: `Bearer ${token}` },
      http: server.caCertificate === undefined ? {} : { caCertificates: [server.caCertificate] },
      maxMessageBytes: 8 << 20,
      handshakeLimitMs: 10_000,
    }),
  );
}

/** Path of the WebSocket of devices. */
export const DEVICE_SOCKET = "/api/devices/v1/deviceconnect/connect";

/** Path of the WebSocket of users. */
export const userSocket = (deviceId: string): string =>
  `/api/management/v1/deviceconnect/devices/${deviceId}/connect`;

/** The token of the management user. */
export async function userToken(server: MenderServer): Promise<string> {
  const answer = await fetch(`${server.url}/api/management/v1/useradm/auth/login`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${server.user}:${server.password}`)}` },
  });
  return await answer.text();
}

/** A device that is connected, and speaks by hand. */
export async function connectedDevice(
  server: MenderServer,
): Promise<{ id: string; token: string; peer: FramePeer }> {
  const { device, id } = await acceptedDevice(server);
  const peer = await openFramePeer(server, DEVICE_SOCKET, device.token);
  return { id, token: device.token, peer };
}
