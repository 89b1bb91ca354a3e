import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { RuntimeError } from "../../core/errors.ts";
import { UpgradeRequest } from "../websocket/ws_server.ts";
import { HttpExchange } from "./http_exchange.ts";

/** How an HTTP server listens. */
export interface HttpServerOptions {
  /** Address to bind, for example `127.0.0.1`. */
  readonly host: string;
  /** Port to bind; 0 lets the system choose. */
  readonly port: number;
  /** Certificate chain and key, PEM; without them the server speaks plain HTTP. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  /** Answers one request. What it throws cuts the connection and goes to `onError`. */
  onExchange(exchange: HttpExchange): Promise<void>;
  /** Answers one request for a WebSocket; without it such a request is cut. Throws like the above. */
  onUpgrade?(upgrade: UpgradeRequest): Promise<void>;
  /** Told of failures that no peer can be told of. */
  onError(error: unknown): void;
}

/** A listening HTTP server. */
export interface HttpServer {
  /** The port that was bound. */
  readonly port: number;
  /** Stops listening and cuts every open connection. A second call does nothing more. */
  close(): Promise<void>;
}

/** How long a client may take to send a whole request. */
const REQUEST_TIMEOUT_MS = 300_000;

/** What the system says, in the same words on every runtime. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRINUSE: "another program listens there",
  EADDRNOTAVAIL: "this machine has no such address",
  EINVAL: "this machine has no such address",
  ENOTFOUND: "there is no such host",
};

function reasonOf(error: Error): string {
  return ("code" in error ? REASONS[String(error.code)] : undefined) ?? error.message;
}

/**
 * Starts an HTTP/1.1 server on `node:http` or `node:https`, which exist on both runtimes.
 *
 * Chunked request bodies are decoded. Connections stay open between requests, as clients like it,
 * until the server closes.
 *
 * @throws {RuntimeError} `runtime.cannot-listen`: the address is in use, unknown or not permitted.
 */
export function listenHttp(options: HttpServerOptions): Promise<HttpServer> {
  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const exchange = new HttpExchange(request, response);
    options.onExchange(exchange).catch((error) => {
      exchange.cut();
      options.onError(error);
    });
  };
  const server = options.tls === undefined
    ? http.createServer(onRequest)
    : https.createServer({ cert: options.tls.certificate, key: options.tls.key }, onRequest);
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.on("upgrade", (request, socket, head) => {
    const upgrade = new UpgradeRequest(request, socket, head);
    if (options.onUpgrade === undefined) return upgrade.cut();
    options.onUpgrade(upgrade).catch((error) => {
      upgrade.cut();
      options.onError(error);
    });
  });
  const open = new Set<Socket>();
  const track = (socket: Socket): void => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy()); // a peer that goes away is no failure of ours
  };
  server.on("connection", track);
  if (options.tls !== undefined) server.on("secureConnection", track);

  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      reject(
        new RuntimeError(
          "runtime.cannot-listen",
          `Cannot listen on ${options.host} port ${options.port}: ${reasonOf(error)}`,
          { cause: error, retry: "never" },
        ),
      );
    });
    server.listen(options.port, options.host, () => {
      server.on("error", options.onError);
      let closing: Promise<void> | undefined;
      resolve({
        port: (server.address() as AddressInfo).port,
        close() {
          closing ??= new Promise((closed) => {
            server.close(() => closed());
            for (const socket of open) socket.destroy();
          });
          return closing;
        },
      });
    });
  });
}
