import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { RuntimeError } from "../../core/errors.ts";
import { type Clock, startDeadline } from "../clock.ts";
import { openSocket } from "./open_socket.ts";
import {
  type WebSocketConnection,
  type WebSocketDriver,
  type WebSocketOptions,
  WebSocketRefusal,
} from "./websocket_driver.ts";
import { wsConnection } from "./ws_connection.ts";
import { loadWs, type WsLibrary } from "./ws_library.ts";
import { onAbort } from "../on_abort.ts";

/**
 * WebSockets by `ws`, on Deno and on Node, over connections that we make ourselves: so they go through
 * the same proxies, and trust the same authorities, as our HTTP clients.
 */
export function wsClient(clock: Clock, hasRuntimeRoots: boolean): WebSocketDriver {
  return {
    async connect(options) {
      const ws = await loadWs();
      const limitMs = options.handshakeLimitMs;
      const late = (): Error =>
        new RuntimeError(
          "runtime.stalled",
          `Cannot open the WebSocket: no answer within ${limitMs / 1000} s`,
        );
      const deadline = startDeadline(clock, limitMs, late, options.signal);
      try {
        const { signal } = deadline;
        signal.throwIfAborted();
        const socket = await openSocket(options.url, { ...options, hasRuntimeRoots, signal });
        return await shakeHands(ws, socket, options, signal);
      } finally {
        deadline.dispose();
      }
    },
  };
}

/** How long the peer may take to answer the end of a connection. */
const CLOSE_LIMIT_MS = 2000;

function shakeHands(
  { WebSocket }: WsLibrary,
  socket: Socket,
  options: WebSocketOptions,
  signal: AbortSignal,
): Promise<WebSocketConnection> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(options.url.replace(/^http/, "ws"), {
      headers: options.headers,
      maxPayload: options.maxMessageBytes,
      perMessageDeflate: false,
      closeTimeout: CLOSE_LIMIT_MS,
      createConnection: () => socket,
    });
    const connection = wsConnection(ws, socket, "client");
    let failure: unknown;
    ws.once("open", () => {
      forget();
      resolve(connection);
    });
    ws.once("unexpected-response", (_request: unknown, response: IncomingMessage) => {
      failure ??= new WebSocketRefusal(response.statusCode ?? 0);
      response.resume();
      ws.terminate();
      socket.destroy();
    });
    ws.once("error", (error: unknown) => failure ??= error);
    connection.closed.then(() => {
      forget();
      socket.destroy();
      reject(failure ?? new Error("the connection was closed during the handshake"));
    });
    const forget = onAbort(signal, () => {
      failure ??= signal.reason;
      ws.terminate();
      socket.destroy();
    });
  });
}
