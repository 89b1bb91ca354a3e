import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { RuntimeError } from "../../core/errors.ts";

/** Bytes of a refused body that are still read, so that its sender gets to see the answer. */
const DRAIN_BYTES = 8 * 1024 * 1024;

/**
 * One request to a server, and its answer.
 *
 * The runtime's own objects stay within reach (`request`, `response`) for tests that answer wrongly on
 * purpose: half a body, a stall, a reset.
 */
export class HttpExchange {
  /** The request as `node:http` gives it. */
  readonly request: IncomingMessage;
  /** The answer as `node:http` gives it. */
  readonly response: ServerResponse;
  /** Method in upper case. */
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  /** Request headers, names in lower case; repeated ones are joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  /** Aborted once the connection is gone, or the answer has been sent whole. */
  readonly ended: AbortSignal;
  #sentBytes = 0;

  /** Wraps the pair that a `node:http` server hands out. */
  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    this.method = request.method ?? "GET";
    this.target = request.url ?? "/";
    this.headers = new Map(
      Object.entries(request.headers).map(([name, value]) => [name, headerText(value)]),
    );
    const controller = new AbortController();
    this.ended = controller.signal;
    response.once("close", () => controller.abort());
    response.on("error", () => controller.abort()); // the peer went away; writers see `ended`
  }

  /** Status that was sent, or 0 while nothing was. */
  get status(): number {
    return this.response.headersSent ? this.response.statusCode : 0;
  }

  /** Body bytes handed to the connection so far. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** The request body as it comes. Leaving the loop early leaves the rest unread. */
  chunks(): AsyncIterable<Uint8Array> {
    return this.request.iterator({ destroyOnReturn: false });
  }

  /**
   * Reads the request body whole.
   *
   * @throws {RuntimeError} `runtime.body-too-large` when it has more than `maxBytes`.
   * @throws The runtime's error when the peer breaks off.
   */
  async body(maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.chunks()) {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else if (size > maxBytes + DRAIN_BYTES) break;
    }
    if (size > maxBytes) {
      throw new RuntimeError(
        "runtime.body-too-large",
        `Cannot take the request body: it has more than ${maxBytes} bytes`,
        { retry: "never" },
      );
    }
    return Buffer.concat(chunks);
  }

  /** Reads and drops what is left of the request body, up to a bound. */
  async drain(): Promise<void> {
    let size = 0;
    for await (const chunk of this.chunks()) {
      size += chunk.length;
      if (size > DRAIN_BYTES) break;
    }
  }

  /** Sends the head of the answer. The body, if any, follows by {@link write}. */
  start(status: number, headers: Readonly<Record<string, string>>): void {
    this.response.writeHead(status, { ...headers });
  }

  /**
   * Sends a part of the body.
   *
   * @returns Whether it went out; `false` when the peer is gone.
   */
  write(bytes: Uint8Array): Promise<boolean> {
    if (this.ended.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const onEnded = (): void => resolve(false);
      this.ended.addEventListener("abort", onEnded, { once: true });
      this.response.write(bytes, (error) => {
        this.ended.removeEventListener("abort", onEnded);
        if (!error) this.#sentBytes += bytes.length;
        resolve(!error);
      });
    });
  }

  /** Ends the answer. */
  end(): void {
    this.response.end();
  }

  /** Sends a whole answer; to a HEAD request only its head. */
  async reply(
    status: number,
    headers: Readonly<Record<string, string>> = {},
    body: Uint8Array | string = "",
  ): Promise<void> {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const isBodiless = status === 204 || status === 304;
    this.start(status, isBodiless ? headers : { ...headers, "content-length": `${bytes.length}` });
    if (!isBodiless && this.method !== "HEAD" && bytes.length > 0) await this.write(bytes);
    this.end();
  }

  /** Cuts the connection in an orderly way (FIN), whatever has been sent. */
  cut(): void {
    this.request.socket.destroy();
  }

  /** Cuts the connection with a reset (RST) where the runtime can; with TLS it is a plain cut. */
  reset(): void {
    const socket = this.request.socket;
    if ("encrypted" in socket) socket.destroy();
    else socket.resetAndDestroy();
  }
}

function headerText(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(", ") : value ?? "";
}
