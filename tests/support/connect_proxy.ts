import { Buffer } from "node:buffer";
import http from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";

/** How a proxy behaves. */
export interface ProxyOptions {
  /** Wants this user and password, `user:password`. */
  readonly login?: string;
  /** Answers everything with this status. */
  readonly status?: number;
}

/** A proxy on loopback that takes every name for this machine. */
export interface TestProxy {
  /** Host and port. */
  readonly host: string;
  /** What it was asked: `CONNECT host:port`, or method and whole address. */
  readonly asked: string[];
}

/** Runs a test body with an HTTP proxy: tunnels by CONNECT, plain requests by their whole address. */
export async function withProxy(
  options: ProxyOptions,
  body: (proxy: TestProxy) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const wanted = options.login === undefined
    ? undefined
    : `Basic ${Buffer.from(options.login).toString("base64")}`;
  const refusal = (request: http.IncomingMessage): number | undefined =>
    wanted !== undefined && request.headers["proxy-authorization"] !== wanted
      ? 407
      : options.status;

  const server = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const status = refusal(request);
    if (status !== undefined) return void response.writeHead(status).end("refused");
    const target = new URL(request.url ?? "");
    const headers = { ...request.headers };
    delete headers["proxy-authorization"];
    const onward = http.request({
      host: "127.0.0.1",
      port: target.port,
      path: target.pathname + target.search,
      method: request.method,
      headers,
    }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  server.on("connect", (request: http.IncomingMessage, client: Socket, head: Uint8Array) => {
    asked.push(`CONNECT ${request.url}`);
    client.on("error", () => client.destroy());
    const status = refusal(request);
    if (status !== undefined) {
      return void client.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`);
    }
    const port = Number(/:(\d+)$/.exec(request.url ?? "")?.[1]);
    const upstream = net.connect(port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client);
      client.pipe(upstream);
    });
    sockets.add(upstream);
    upstream.on("error", () => client.destroy());
    upstream.on("close", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  server.on("connection", (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await body({ host: `127.0.0.1:${port}`, asked });
  } finally {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  }
}
