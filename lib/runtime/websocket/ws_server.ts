import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocketConnection } from "./websocket_driver.ts";
import { wsConnection } from "./ws_connection.ts";
import { loadWs, type WsServer } from "./ws_library.ts";

/** A request of a client to speak WebSocket from now on, not answered yet. */
export class UpgradeRequest {
  /** Method in upper case. */
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  /** Request headers, names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly #request: IncomingMessage;
  readonly #socket: Duplex;
  readonly #head: Uint8Array;

  /** Wraps what `node:http` gives. */
  constructor(request: IncomingMessage, socket: Duplex, head: Uint8Array) {
    this.#request = request;
    this.#socket = socket;
    this.#head = head;
    this.method = request.method ?? "GET";
    this.target = request.url ?? "/";
    this.headers = new Map(
      Object.entries(request.headers).map((
        [name, value],
      ) => [name, Array.isArray(value) ? value.join(", ") : value ?? ""]),
    );
  }

  /**
   * Answers 101. A subprotocol is named in the answer only when it is `protocol`, and was offered.
   *
   * @param maxMessageBytes A larger message ends the connection, with code 1009.
   */
  async accept(maxMessageBytes: number, protocol: string): Promise<WebSocketConnection> {
    const { WebSocketServer } = await loadWs();
    const server: WsServer = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: maxMessageBytes,
      handleProtocols: (offered: Set<string>) => offered.has(protocol) ? protocol : false,
    });
    return await new Promise((resolve) => {
      server.handleUpgrade(
        this.#request,
        this.#socket,
        this.#head,
        (socket) => resolve(wsConnection(socket, this.#socket, "server")),
      );
    });
  }

  /** Answers with another status, and ends the connection. */
  refuse(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    const bytes = new TextEncoder().encode(body);
    const head = Object.entries({ ...headers, "content-length": bytes.length, connection: "close" })
      .map(([name, value]) => `${name}: ${value}\r\n`).join("");
    this.#socket.write(`HTTP/1.1 ${status} Refused\r\n${head}\r\n`);
    this.#socket.end(bytes);
  }

  /** Cuts the connection without an answer. */
  cut(): void {
    this.#socket.destroy();
  }
}
