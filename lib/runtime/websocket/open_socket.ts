import { Buffer } from "node:buffer";
import { connect, isIP, type Socket } from "node:net";
import * as tls from "node:tls";
import type { HttpDriverOptions } from "../http/http_driver.ts";
import { proxyAnswered, proxyFailure } from "../http/proxy_failure.ts";
import { proxyFor } from "../http/proxy_choice.ts";
import type { Proxy } from "../http/proxy_settings.ts";

const MAX_PROXY_HEAD_BYTES = 16 * 1024;

/** How a connection to a server is made. */
export interface OpenSocketOptions {
  /** Trust, client certificate and proxies. */
  readonly http: HttpDriverOptions;
  /** Trusts the runtime's own authorities too; on Deno they are, whatever this says. */
  readonly hasRuntimeRoots: boolean;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/**
 * Connects to the server of an address: through a tunnel of the proxy where one is named, with TLS where
 * the address says https.
 *
 * @throws {RuntimeError} `runtime.proxy-refused`, `runtime.proxy-unreachable`.
 * @throws The runtime's error; the reason of the signal.
 */
export async function openSocket(address: string, options: OpenSocketOptions): Promise<Socket> {
  const url = new URL(address);
  const proxy = proxyFor(address, options.http.proxy);
  let socket =
    await (proxy === undefined ? dial(url, options.signal) : tunnel(url, proxy, options));
  if (url.protocol === "https:") socket = await secure(socket, url, options);
  socket.setNoDelay(true);
  return socket;
}

function dial(url: URL, signal: AbortSignal): Promise<Socket> {
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const socket = connect({ host: hostOf(url), port });
  return settled(socket, "connect", signal);
}

async function tunnel(url: URL, proxy: Proxy, options: OpenSocketOptions): Promise<Socket> {
  const proxyUrl = new URL(proxy.origin);
  try {
    let socket = await dial(proxyUrl, options.signal);
    if (proxyUrl.protocol === "https:") socket = await secure(socket, proxyUrl, options);
    await askForTunnel(socket, url, proxy, options.signal);
    return socket;
  } catch (error) {
    if (options.signal.aborted) throw error;
    throw proxyFailure(error) ?? error;
  }
}

async function askForTunnel(
  socket: Socket,
  url: URL,
  { login }: Proxy,
  signal: AbortSignal,
): Promise<void> {
  const target = `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
  const basic = login && Buffer.from(`${login.user}:${login.password}`).toString("base64");
  const head = [
    `CONNECT ${target} HTTP/1.1`,
    `Host: ${target}`,
    ...basic === undefined ? [] : [`Proxy-Authorization: Basic ${basic}`],
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(await readHead(socket, signal))?.[1]);
  if (status >= 200 && status < 300) return;
  socket.destroy();
  throw proxyAnswered(status);
}

/** Reads up to the empty line; what comes behind it is left in the socket. */
function readHead(socket: Socket, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    const finish = (act: () => void): void => {
      socket.off("readable", look);
      socket.off("end", onEnd);
      socket.off("error", onError);
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const look = (): void => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        held = Buffer.concat([held, chunk]);
        const end = held.indexOf("\r\n\r\n");
        if (end >= 0) {
          const rest = held.subarray(end + 4);
          if (rest.length > 0) socket.unshift(rest);
          return finish(() => resolve(held.toString("latin1", 0, end)));
        }
        if (held.length > MAX_PROXY_HEAD_BYTES) return onEnd();
      }
    };
    const onEnd = (): void => {
      socket.destroy();
      finish(() => reject(new Error("unsuccessful tunnel: the proxy gave no answer")));
    };
    const onError = (error: Error): void => finish(() => reject(error));
    const onAbort = (): void => {
      socket.destroy();
      finish(() => reject(signal.reason));
    };
    socket.on("readable", look);
    socket.on("end", onEnd);
    socket.on("error", onError);
    signal.addEventListener("abort", onAbort);
  });
}

function secure(socket: Socket, url: URL, options: OpenSocketOptions): Promise<Socket> {
  const { caCertificates = [], clientCertificate, skipVerify } = options.http;
  const ca = skipVerify === true
    ? []
    : [...options.hasRuntimeRoots ? tls.rootCertificates : [], ...caCertificates];
  const host = hostOf(url);
  const secured = tls.connect({
    socket,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ALPNProtocols: ["http/1.1"],
    rejectUnauthorized: skipVerify !== true,
    ...(ca.length > 0 && { ca }),
    ...(clientCertificate && { cert: clientCertificate.certificate, key: clientCertificate.key }),
  });
  return settled(secured, "secureConnect", options.signal);
}

/** Waits for a socket to be ready. A listener for errors stands from now on. */
function settled<T extends Socket>(
  socket: T,
  event: "connect" | "secureConnect",
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const onAbort = (): void => {
      socket.destroy();
      finish(() => reject(signal.reason));
    };
    socket.once(event, () => finish(() => resolve(socket)));
    socket.on("error", (error) => {
      socket.destroy();
      finish(() => reject(error));
    });
    socket.on("close", () => finish(() => reject(new Error("the connection was closed"))));
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
  });
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}
