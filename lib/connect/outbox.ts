import type { WebSocketConnection } from "../runtime/websocket/websocket_driver.ts";
import { encodeFrame, type FrameHead, type FrameInit } from "./protocol/internal.ts";

/** Bytes that may be under way before whoever sends much is held back, and when it may go on. */
const HIGH_WATER_BYTES = 256 * 1024;
const LOW_WATER_BYTES = 64 * 1024;

/** Where messages to the server go, whether there is a connection at the moment or not. */
export class Outbox {
  #connection: WebSocketConnection | undefined;
  #waiting: (() => void)[] = [];

  /** Whether there is a connection. */
  get isAttached(): boolean {
    return this.#connection?.isOpen === true;
  }

  /** Whether whoever sends much should wait for {@link ready}. */
  get isFull(): boolean {
    return !this.isAttached || this.#connection!.queuedBytes > HIGH_WATER_BYTES;
  }

  /** From now on messages go over this connection. */
  attach(connection: WebSocketConnection): void {
    this.#connection = connection;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The connection is gone. */
  detach(): void {
    this.#connection = undefined;
  }

  /** Sends a message; without a connection it is dropped. */
  send(frame: FrameInit): void {
    this.#connection?.send(encodeFrame(frame));
  }

  /** Sends a message whose head is written already; without a connection it is dropped. */
  sendWith(head: FrameHead, body?: Uint8Array): void {
    this.#connection?.send(head.before(body?.length ?? 0), body);
  }

  /** Sends all that `act` sends at once. */
  batch(act: () => void): void {
    if (this.#connection === undefined) act();
    else this.#connection.batch(act);
  }

  /** Settles once there is a connection, and room in it. */
  async ready(): Promise<void> {
    for (;;) {
      const connection = this.#connection;
      if (connection !== undefined && connection.isOpen) await connection.drained(LOW_WATER_BYTES);
      if (this.isAttached && this.#connection!.queuedBytes <= LOW_WATER_BYTES) return;
      if (!this.isAttached) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}
