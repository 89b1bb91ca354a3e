import http from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { HttpExchange } from "../../lib/runtime/http/http_exchange.ts";
import type { Credential } from "./certificates.ts";

/** What a peer is. */
export interface TlsPeerOptions {
  /** Its certificate; without one it speaks plain HTTP. */
  readonly server?: Credential;
  /** Wants a client certificate signed by this authority, PEM. */
  readonly clientAuthority?: string;
  /** Address to bind; 127.0.0.1 when absent. */
  readonly host?: string;
  /** Answers; when absent, `/echo` gives the request body back and the rest says hello. */
  readonly answer?: (exchange: HttpExchange) => Promise<void>;
}

/** A server that listens. */
export interface TlsPeer {
  /** Scheme, 127.0.0.1 and port. */
  readonly url: string;
  /** Method and target of each request. */
  readonly asked: string[];
  /** Headers of each request. */
  readonly headers: ReadonlyMap<string, string>[];
}

/** Runs a test body with a server that knows client certificates, which ours does not. */
export async function withTlsPeer(
  options: TlsPeerOptions,
  body: (peer: TlsPeer) => Promise<void>,
): Promise<void> {
  const { server: credential, clientAuthority, answer = greet } = options;
  const asked: string[] = [];
  const headers: ReadonlyMap<string, string>[] = [];
  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const exchange = new HttpExchange(request, response);
    asked.push(`${exchange.method} ${exchange.target}`);
    headers.push(exchange.headers);
    answer(exchange).catch(() => exchange.cut());
  };
  const server = credential === undefined ? http.createServer(onRequest) : https.createServer({
    cert: credential.certificate,
    key: credential.key,
    ...(clientAuthority !== undefined &&
      { ca: clientAuthority, requestCert: true, rejectUnauthorized: true }),
  }, onRequest);
  const sockets = new Set<Socket>();
  for (const event of ["connection", "secureConnection"]) {
    server.on(event, (socket: Socket) => {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
    });
  }
  await new Promise<void>((resolve) =>
    server.listen(0, options.host ?? "127.0.0.1", () => resolve())
  );
  try {
    const { port } = server.address() as AddressInfo;
    const url = `${credential === undefined ? "http" : "https"}://127.0.0.1:${port}`;
    await body({ url, asked, headers });
  } finally {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  }
}

async function greet(exchange: HttpExchange): Promise<void> {
  const body = await exchange.body(1 << 20);
  await exchange.reply(200, {}, exchange.target.startsWith("/echo") ? body : "hello");
}
