import { hostDrivers } from "../../lib/runtime/host.ts";
import { listenHttp } from "../../lib/runtime/http/http_server.ts";
import type {
  WebSocketConnection,
  WebSocketOptions,
} from "../../lib/runtime/websocket/websocket_driver.ts";
import type { UpgradeRequest } from "../../lib/runtime/websocket/ws_server.ts";
import type { Credential } from "./certificates.ts";

/** A server of WebSockets that a test plays itself. */
export interface WebSocketPeer {
  /** `http:` or `https:`, 127.0.0.1 and port. */
  readonly url: string;
  /** Opens a connection to it. */
  connect(options?: Partial<WebSocketOptions>): Promise<WebSocketConnection>;
}

/** Runs a test body with a server that hands each request to `onUpgrade`. */
export async function withWebSocketPeer(
  options: {
    readonly tls?: Credential;
    readonly onUpgrade: (upgrade: UpgradeRequest) => Promise<void>;
  },
  body: (peer: WebSocketPeer) => Promise<void>,
): Promise<void> {
  const { webSockets } = await hostDrivers();
  const server = await listenHttp({
    host: "127.0.0.1",
    port: 0,
    tls: options.tls,
    onExchange: (exchange) => exchange.reply(404),
    onUpgrade: options.onUpgrade,
    onError: () => {},
  });
  const url = `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${server.port}`;
  const opened: WebSocketConnection[] = [];
  try {
    await body({
      url,
      async connect(more = {}) {
        const connection = await webSockets.connect({
          url: `${url}/api/devices/v1/deviceconnect/connect`,
          headers: {},
          http: {},
          maxMessageBytes: 1 << 20,
          handshakeLimitMs: 10_000,
          ...more,
        });
        opened.push(connection);
        return connection;
      },
    });
  } finally {
    for (const connection of opened) connection.cut();
    await Promise.all(opened.map(({ closed }) => closed));
    await server.close();
  }
}
