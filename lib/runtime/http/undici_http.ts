import { Buffer } from "node:buffer";
import * as tls from "node:tls";
import { Agent, type Dispatcher, ProxyAgent } from "undici";
import { causeChain, RuntimeError } from "../../core/errors.ts";
import { bodyStream } from "./body_stream.ts";
import type { HttpDriver, HttpDriverOptions, HttpRequest, HttpResponse } from "./http_driver.ts";
import { proxyAnswered, proxyFailure } from "./proxy_failure.ts";
import { proxyFor } from "./proxy_choice.ts";
import type { Proxy } from "./proxy_settings.ts";

/** What undici needs to know beyond the options of every client. */
export interface UndiciOptions extends HttpDriverOptions {
  /** Trusts the runtime's own authorities too. On Deno to read them is a permission of its own. */
  readonly hasRuntimeRoots: boolean;
  /**
   * Ends a request after so long without a byte, in milliseconds; 0 leaves that to the callers'
   * deadlines.
   */
  readonly silenceLimitMs: number;
}

/**
 * HTTP by undici: all of it on Node, and on Deno what native `fetch` cannot do. `request` is used, not
 * undici's `fetch`: on Deno the latter goes on waiting even after its signal was aborted, when a TLS
 * connection was cut in mid-body.
 */
export function undiciHttp(options: UndiciOptions): HttpDriver {
  const trust = tlsOptions(options);
  const limits = { headersTimeout: options.silenceLimitMs, bodyTimeout: options.silenceLimitMs };
  const agent = new Agent({ ...limits, connect: trust });
  const tunnels = new Map<string, ProxyAgent>();

  const tunnelTo = (proxy: Proxy): ProxyAgent => {
    const known = tunnels.get(proxy.origin);
    if (known !== undefined) return known;
    const tunnel = new ProxyAgent({
      ...limits,
      uri: proxy.origin,
      ...(proxy.login && { token: basic(proxy) }),
      requestTls: trust,
      proxyTls: trust,
    });
    tunnels.set(proxy.origin, tunnel);
    return tunnel;
  };

  const dispatch = (request: HttpRequest, proxy: Proxy | undefined): Promise<Answer> => {
    const url = new URL(request.url);
    const path = url.pathname + url.search;
    const rest = {
      method: request.method,
      body: request.body === undefined ? null : Buffer.from(request.body),
      signal: request.signal,
    };
    const headers = { "accept-encoding": "identity", ...request.headers };
    if (proxy === undefined) return agent.request({ ...rest, origin: url.origin, path, headers });
    if (url.protocol === "https:") {
      return tunnelTo(proxy).request({ ...rest, origin: url.origin, path, headers });
    }
    // Plain requests are given to the proxy as they are: few proxies make tunnels to port 80.
    const login = proxy.login && { "proxy-authorization": basic(proxy) };
    return agent.request({
      ...rest,
      origin: proxy.origin,
      path: url.origin + path,
      headers: { ...headers, host: url.host, ...login },
    });
  };

  return {
    async send(request) {
      request.signal.throwIfAborted();
      const proxy = proxyFor(request.url, options.proxy);
      const explain = (error: unknown): unknown =>
        (proxy && proxyFailure(error)) ?? stall(error, options.silenceLimitMs) ?? error;
      const answer = await dispatch(request, proxy).catch((error) => {
        throw request.signal.aborted ? request.signal.reason : explain(error);
      });
      const response = responseOf(answer, request.signal, explain);
      if (proxy === undefined || response.status !== 407) return response;
      await response.body?.cancel();
      throw proxyAnswered(407);
    },
    close() {
      for (const dispatcher of [agent, ...tunnels.values()]) {
        dispatcher.close().catch(() => {}); // connections that are broken already need no closing
      }
    },
  };
}

type Answer = Dispatcher.ResponseData;

function tlsOptions(options: UndiciOptions): tls.ConnectionOptions {
  const { caCertificates = [], clientCertificate } = options;
  const ca = options.skipVerify === true
    ? []
    : [...options.hasRuntimeRoots ? tls.rootCertificates : [], ...caCertificates];
  return {
    rejectUnauthorized: options.skipVerify !== true,
    ...(ca.length > 0 && { ca }), // without any the runtime uses its own
    ...(clientCertificate && { cert: clientCertificate.certificate, key: clientCertificate.key }),
  };
}

function basic({ login }: Proxy): string {
  return `Basic ${Buffer.from(`${login?.user}:${login?.password}`).toString("base64")}`;
}

function responseOf(
  answer: Answer,
  signal: AbortSignal,
  explain: (error: unknown) => unknown,
): HttpResponse {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers.set(name.toLowerCase(), [value].flat().join(", "));
  }
  return {
    status: answer.statusCode,
    headers,
    body: bodyStream(answer.body, signal, explain),
  };
}

function stall(error: unknown, limitMs: number): RuntimeError | undefined {
  if (!/Headers Timeout Error|Body Timeout Error/.test(causeChain(error).join("\n"))) {
    return undefined;
  }
  const message = `Cannot read the answer: no byte came for ${limitMs / 1000} s`;
  return new RuntimeError("runtime.stalled", message, { cause: error });
}
