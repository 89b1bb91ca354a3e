import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { dataFrame } from "./data_frame.ts";
import type { WebSocketConnection, WebSocketEnd } from "./websocket_driver.ts";
import type { WsSocket } from "./ws_library.ts";

/** Bytes of messages that may wait to be taken before the network is left alone. */
const MAX_WAITING_BYTES = 1 << 20;

const OPEN = 1;
const CLOSED = 3;

/** Wraps a socket of `ws`, and the stream that it writes to. */
export function wsConnection(
  socket: WsSocket,
  stream: Duplex,
  side: "client" | "server",
): WebSocketConnection {
  return new WsConnection(socket, stream, side === "client");
}

class WsConnection implements WebSocketConnection {
  readonly closed: Promise<WebSocketEnd>;
  readonly messages: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => this.#iterator() };
  readonly #socket: WsSocket;
  readonly #stream: Duplex;
  readonly #isClient: boolean;
  readonly #waiting: Uint8Array[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #drains: { readonly limit: number; readonly resolve: () => void }[] = [];
  #waitingBytes = 0;
  #queuedBytes = 0;
  #isPaused = false;
  #wake = (): void => {};
  #taker: ((message: Uint8Array) => void) | undefined;
  #error: unknown;

  constructor(socket: WsSocket, stream: Duplex, isClient: boolean) {
    this.#socket = socket;
    this.#stream = stream;
    this.#isClient = isClient;
    socket.binaryType = "nodebuffer";
    socket.on("message", (data: Buffer) => this.#take(data));
    socket.on("ping", () => this.#heard());
    socket.on("pong", () => this.#heard());
    socket.on("error", (error: unknown) => this.#error = error); // told by the close that follows
    this.closed = new Promise((resolve) => {
      socket.on("close", (code: number, reason: Buffer) => {
        this.#release();
        resolve({ code, reason: reason.toString("utf8"), error: this.#error });
      });
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === OPEN;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  async each(take: (message: Uint8Array) => Promise<void> | void): Promise<void> {
    for (;;) {
      const next = this.#next();
      if (next !== undefined) {
        const busy = take(next);
        if (busy !== undefined) await busy;
      } else if (this.#socket.readyState === CLOSED) return;
      else await this.#handOver(take);
    }
  }

  send(message: Uint8Array, rest?: Uint8Array): void {
    if (!this.isOpen) return;
    const frame = dataFrame(this.#isClient, message, rest);
    this.#queuedBytes += frame.length;
    this.#stream.write(frame, () => {
      this.#queuedBytes -= frame.length;
      this.#release();
    });
  }

  batch(act: () => void): void {
    this.#stream.cork();
    try {
      act();
    } finally {
      this.#stream.uncork();
    }
  }

  drained(limit: number): Promise<void> {
    if (this.#queuedBytes <= limit || !this.isOpen) return Promise.resolve();
    return new Promise((resolve) => this.#drains.push({ limit, resolve }));
  }

  ping(payload: string): void {
    if (this.isOpen) this.#socket.ping(payload);
  }

  onHeard(callback: () => void): () => void {
    this.#listeners.add(callback);
    return () => void this.#listeners.delete(callback);
  }

  close(code: number, reason: string): void {
    this.#unpause(); // the close frame of the peer has to be read
    this.#socket.close(code, reason);
  }

  cut(): void {
    this.#socket.terminate();
  }

  #take(data: Buffer): void {
    this.#heard();
    const message = new Uint8Array(data.buffer, data.byteOffset, data.length);
    if (this.#taker !== undefined) return this.#taker(message);
    this.#waiting.push(message);
    this.#waitingBytes += data.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES && !this.#isPaused && this.isOpen) {
      this.#isPaused = true;
      this.#socket.pause();
    }
    this.#wake();
  }

  #heard(): void {
    for (const callback of this.#listeners) callback();
  }

  #release(): void {
    const isOver = !this.isOpen;
    if (this.#drains.length > 0) this.#wakeDrained(isOver);
    if (isOver) this.#wake();
  }

  #wakeDrained(isOver: boolean): void {
    for (const drain of this.#drains.splice(0)) {
      if (isOver || this.#queuedBytes <= drain.limit) drain.resolve();
      else this.#drains.push(drain);
    }
  }

  #unpause(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#socket.readyState !== CLOSED) this.#socket.resume();
  }

  #next(): Uint8Array | undefined {
    const next = this.#waiting.shift();
    if (next === undefined) return undefined;
    this.#waitingBytes -= next.length;
    if (this.#waitingBytes < MAX_WAITING_BYTES / 2) this.#unpause();
    return next;
  }

  /** While nothing waits, what comes is handed over without a detour; until whoever takes it is busy. */
  #handOver(take: (message: Uint8Array) => Promise<void> | void): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (act: () => void): void => {
        this.#taker = undefined;
        act();
      };
      this.#wake = () => stop(resolve);
      this.#taker = (message) => {
        try {
          const busy = take(message);
          if (busy !== undefined) stop(() => resolve(busy));
        } catch (error) {
          stop(() => reject(error));
        }
      };
    });
  }

  async *#iterator(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const next = this.#next();
      if (next !== undefined) yield next;
      else if (this.#socket.readyState === CLOSED) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
