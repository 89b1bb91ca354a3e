import { nameErrors, RuntimeError } from "../../core/errors.ts";
import type { HttpDriverOptions } from "../http/http_driver.ts";

/** How a WebSocket ended. */
export interface WebSocketEnd {
  /** Status of the close frame; 1006 when there was none. */
  readonly code: number;
  /** Reason of the close frame. */
  readonly reason: string;
  /** What broke the connection, when something did. */
  readonly error: unknown;
}

/** An open WebSocket, at either end. Messages are binary; a text comes as its bytes. */
export interface WebSocketConnection {
  /**
   * Messages, each whole, in order; ends when the connection does. Nothing is read from the network
   * while more than a megabyte waits here: who does not iterate slows the peer down.
   */
  readonly messages: AsyncIterable<Uint8Array>;
  /**
   * Hands over the same messages, each at the moment it comes, in the place of `messages`. Where `take`
   * gives a promise, the next message waits for it.
   *
   * @returns Settles when the connection has ended; rejects with what `take` throws, and hands over no more.
   */
  each(take: (message: Uint8Array) => Promise<void> | void): Promise<void>;
  /** How it ended, once it has. Never rejects. */
  readonly closed: Promise<WebSocketEnd>;
  /** Whether messages can still be sent. */
  readonly isOpen: boolean;
  /** Bytes that were sent and are not with the kernel yet. */
  readonly queuedBytes: number;
  /**
   * Queues a message; nothing happens when the connection is no longer open.
   *
   * @param message The message, or its first part.
   * @param rest What comes behind the first part.
   */
  send(message: Uint8Array, rest?: Uint8Array): void;
  /** Hands all that `act` sends to the kernel at once: many small messages cost as much as one. */
  batch(act: () => void): void;
  /** Settles when at most `queuedBytes` wait, or the connection is no longer open. */
  drained(queuedBytes: number): Promise<void>;
  /** Sends a ping. */
  ping(payload: string): void;
  /** Calls back at each message, ping and pong that comes in, until the returned function is called. */
  onHeard(callback: () => void): () => void;
  /** Starts the closing handshake; the connection is cut when the peer does not follow. */
  close(code: number, reason: string): void;
  /** Cuts the connection at once. */
  cut(): void;
}

/** How a WebSocket is opened. */
export interface WebSocketOptions {
  /** Address, `http:` or `https:`. */
  readonly url: string;
  /** Header fields besides those of the handshake. */
  readonly headers: Readonly<Record<string, string>>;
  /** Trust, client certificate and proxies, as for HTTP. */
  readonly http: HttpDriverOptions;
  /** A larger message ends the connection, with code 1009. */
  readonly maxMessageBytes: number;
  /** Limit for everything up to the end of the handshake. */
  readonly handshakeLimitMs: number;
  /** Ends the attempt; a connection that is open is not touched by it. */
  readonly signal?: AbortSignal | undefined;
}

/** WebSocket clients. */
export interface WebSocketDriver {
  /**
   * Opens a connection. Redirects are not followed.
   *
   * @throws {WebSocketRefusal} `runtime.websocket-refused`: the server answered with another status.
   * @throws {RuntimeError} `runtime.proxy-refused`, `runtime.proxy-unreachable`; `runtime.stalled`:
   * nothing came in time.
   * @throws The runtime's error when the server cannot be reached.
   */
  connect(options: WebSocketOptions): Promise<WebSocketConnection>;
}

/** The server does not want to speak WebSocket. */
export class WebSocketRefusal extends RuntimeError {
  /** HTTP status of the answer. */
  readonly status: number;

  /** Notes the status. */
  constructor(status: number) {
    super("runtime.websocket-refused", `Cannot open the WebSocket: the server answered ${status}`);
    this.status = status;
  }
}

nameErrors({ WebSocketRefusal });
