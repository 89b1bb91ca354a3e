/**
 * The parts of the npm package `ws` that are used here, with their types. The one place that names it.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** A socket of `ws`, client or server. */
export interface WsSocket {
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Form of binary messages. */
  binaryType: string;
  /** Sends a ping. */
  ping(data: string): void;
  /** Stops reading. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /** Starts the closing handshake. */
  close(code: number, reason: string): void;
  /** Cuts the connection. */
  terminate(): void;
  /** Listens. */
  // deno-lint-ignore no-explicit-any
  on(event: string, listener: (...args: any[]) => void): void;
  /** Listens once. */
  // deno-lint-ignore no-explicit-any
  once(event: string, listener: (...args: any[]) => void): void;
}

/** A server of `ws` that is handed its connections. */
export interface WsServer {
  /** Answers the handshake. */
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    callback: (socket: WsSocket) => void,
  ): void;
}

/** What the package exports. */
export interface WsLibrary {
  /** Client. */
  readonly WebSocket: new (url: string, options: Record<string, unknown>) => WsSocket;
  /** Server. */
  readonly WebSocketServer: new (options: Record<string, unknown>) => WsServer;
}

/** Loads the package. */
export async function loadWs(): Promise<WsLibrary> {
  return await import("ws") as unknown as WsLibrary;
}
