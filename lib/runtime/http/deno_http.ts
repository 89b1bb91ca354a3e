import type { HttpDriver, HttpDriverOptions, HttpRequest, HttpResponse } from "./http_driver.ts";
import { responseOf } from "./http_response.ts";
import { proxyAnswered, proxyFailure } from "./proxy_failure.ts";
import { type Proxy, PROXY_VARIABLES } from "./proxy_settings.ts";
import { loadModule } from "../load_module.ts";
import { tlsReason } from "./tls_failure.ts";

/**
 * Keeps an answer for as long as somebody holds its body. Once the collector has taken the `Response`, an
 * abort does not reach the body any more, and a read that waits goes on waiting (seen with 2.9.6).
 */
const answers = new WeakMap<ReadableStream<Uint8Array>, Response>();

/**
 * HTTP by Deno's own `fetch`. Anything over `node:tls` on Deno can miss a connection that is cut in
 * the middle of a body and wait for ever (seen with 2.9.6), so undici serves only what native fetch
 * cannot do: accepting any certificate; a server whose own certificate calls itself an authority's; and
 * a tunnel through a proxy that wants a password, which native fetch would show to the server as well.
 *
 * @param makeSubstitute Makes the client for these cases; called at the first of them.
 */
export async function denoHttp(
  options: HttpDriverOptions,
  makeSubstitute: () => Promise<HttpDriver>,
): Promise<HttpDriver> {
  // Without a proxy nothing is loaded that tells who goes by it.
  const proxyFor = options.proxy &&
    (await loadModule(() => import("./proxy_choice.ts"))).proxyFor;
  const clients = new Map<string, Deno.HttpClient>();
  const origins = new Set<string>(); // those that only the substitute can talk to
  let substitute: Promise<HttpDriver> | undefined;

  const clientFor = (proxy: Proxy | undefined): Deno.HttpClient => {
    const key = proxy?.origin ?? "";
    const client = clients.get(key) ?? makeClient(options, proxy);
    clients.set(key, client);
    return client;
  };

  clientFor(undefined); // certificates that cannot be used are an error now, not at the first request

  const sendNatively = async (
    request: HttpRequest,
    proxy: Proxy | undefined,
  ): Promise<HttpResponse> => {
    let response: Response;
    try {
      response = await fetch(request.url, {
        client: clientFor(proxy),
        method: request.method,
        headers: { "accept-encoding": "identity", ...request.headers },
        body: request.body as Uint8Array<ArrayBuffer> | undefined,
        signal: request.signal,
        redirect: "manual",
      });
    } catch (error) {
      if (request.signal.aborted) throw error;
      throw (proxy && proxyFailure(error)) ?? error;
    }
    if (response.body !== null) answers.set(response.body, response);
    if (proxy === undefined || response.status !== 407) return responseOf(response);
    await response.body?.cancel();
    throw proxyAnswered(407);
  };

  const sendOtherwise = async (request: HttpRequest): Promise<HttpResponse> => {
    substitute ??= makeSubstitute();
    return await (await substitute).send(request);
  };

  return {
    async send(request) {
      const proxy = proxyFor?.(request.url, options.proxy);
      if (proxy?.login !== undefined && new URL(request.url).protocol === "https:") {
        return await sendOtherwise(request);
      }
      let native: unknown;
      if (origins.size === 0 || !origins.has(new URL(request.url).origin)) {
        try {
          return await sendNatively(request, proxy);
        } catch (error) {
          if (tlsReason(error) !== "authority-as-server") throw error;
          native = error; // the handshake failed: nothing was sent yet
        }
      }
      try {
        const response = await sendOtherwise(request);
        origins.add(new URL(request.url).origin);
        return response;
      } catch (error) {
        const reason = tlsReason(error);
        // The server has changed its certificate: native fetch shall look at it again.
        if (reason !== undefined) origins.delete(new URL(request.url).origin);
        throw reason === "unknown-authority" ? native ?? error : error;
      }
    },
    close() {
      for (const client of clients.values()) client.close();
      // One that cannot be made has failed the request that asked for it.
      substitute?.then((http) => http.close(), () => {});
    },
  };
}

function makeClient(options: HttpDriverOptions, proxy: Proxy | undefined): Deno.HttpClient {
  const { caCertificates = [], clientCertificate } = options;
  const login = proxy?.login;
  return withoutVariables(PROXY_VARIABLES, () =>
    Deno.createHttpClient({
      caCerts: [...caCertificates],
      ...(clientCertificate && { cert: clientCertificate.certificate, key: clientCertificate.key }),
      ...(proxy && {
        proxy: {
          transport: proxy.origin.startsWith("https:") ? "https" : "http",
          url: proxy.origin,
          ...(login && { basicAuth: { username: login.user, password: login.password } }),
        },
      }),
    }));
}

/**
 * Makes a client while the environment names no proxy: Deno reads it then, with other rules than ours,
 * and lets its NO_PROXY overrule the proxy that a client was told to use.
 */
function withoutVariables<T>(names: readonly string[], make: () => T): T {
  const taken: [name: string, value: string][] = [];
  for (const name of names) {
    try {
      const value = Deno.env.get(name);
      if (value === undefined) continue;
      Deno.env.delete(name);
      taken.push([name, value]);
    } catch {
      continue; // not permitted, so it is not ours to judge
    }
  }
  try {
    return make();
  } finally {
    for (const [name, value] of taken) Deno.env.set(name, value);
  }
}
