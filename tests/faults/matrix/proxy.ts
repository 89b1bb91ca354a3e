import http from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";

/** What a proxy does in place of its work. */
export type Refusal =
  | { readonly does: "answers"; readonly status: number }
  | { readonly does: "closes" | "hangs" | "answers nonsense" | "closes behind" | "hangs behind" };

/** A proxy that takes every name for this machine, and can be told to refuse what it is asked next. */
export class RefusingProxy {
  readonly #server = http.createServer();
  readonly #sockets = new Set<Socket>();
  #refusal: Refusal | undefined;
  #times = 0;
  #onRefusal: () => void = () => {};

  private constructor() {
    this.#server.on("connection", (socket: Socket) => this.#hold(socket));
    this.#server.on("request", (request, response) => this.#forward(request, response));
    this.#server.on("connect", (request: http.IncomingMessage, client: Socket) => {
      this.#tunnel(request.url ?? "", client);
    });
  }

  /** Opens one. */
  static async open(): Promise<RefusingProxy> {
    const proxy = new RefusingProxy();
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** Its address. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Refuses the next requests and tunnels. */
  refuse(refusal: Refusal, times: number, onRefusal: () => void): void {
    this.#refusal = refusal;
    this.#times = times;
    this.#onRefusal = onRefusal;
  }

  /** Refuses nothing any more, and ends what hangs. */
  heal(): void {
    this.#refusal = undefined;
    this.hangUp();
  }

  /** Ends all connections and tunnels. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends it. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.hangUp();
    await closed;
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #nextRefusal(): Refusal | undefined {
    if (this.#refusal === undefined || this.#times === 0) return undefined;
    this.#times--;
    this.#onRefusal();
    return this.#refusal;
  }

  #forward(request: http.IncomingMessage, response: http.ServerResponse): void {
    const refusal = this.#nextRefusal();
    if (refusal?.does === "answers") {
      request.resume();
      return void response.writeHead(refusal.status).end("refused");
    }
    if (refusal !== undefined) return refuseBySocket(refusal, request.socket);
    const target = new URL(request.url ?? "");
    const onward = http.request({
      host: "127.0.0.1",
      port: target.port,
      path: target.pathname + target.search,
      method: request.method,
      headers: request.headers,
    }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  }

  #tunnel(target: string, client: Socket): void {
    const refusal = this.#nextRefusal();
    if (refusal?.does === "answers") {
      return void client.end(`HTTP/1.1 ${refusal.status} Refused\r\ncontent-length: 0\r\n\r\n`);
    }
    if (refusal?.does === "closes behind" || refusal?.does === "hangs behind") {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      if (refusal.does === "closes behind") client.end();
      return;
    }
    if (refusal !== undefined) return refuseBySocket(refusal, client);
    const upstream = net.connect(Number(/:(\d+)$/.exec(target)?.[1]), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.pipe(client);
      client.pipe(upstream);
    });
    this.#hold(upstream);
    upstream.on("close", () => client.destroy());
    client.on("close", () => upstream.destroy());
  }
}

function refuseBySocket({ does }: Refusal, socket: Socket): void {
  if (does === "closes") socket.destroy();
  if (does === "answers nonsense") socket.end("220 mail.example ESMTP\r\n");
}
