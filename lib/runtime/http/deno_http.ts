import type { HttpDriver, HttpDriverOptions } from "./http_driver.ts";
import { responseOf } from "./http_response.ts";

/**
 * HTTP by Deno's own `fetch`. Anything over `node:tls` on Deno can miss a connection that is cut in
 * the middle of a body and wait for ever (seen with 2.9.6), so undici serves only what native fetch
 * cannot do: accepting any certificate.
 */
export function denoHttp(options: HttpDriverOptions): HttpDriver {
  const client = Deno.createHttpClient({
    caCerts: [...options.caCertificates ?? []],
    ...(options.clientCertificate && {
      cert: options.clientCertificate.certificate,
      key: options.clientCertificate.key,
    }),
  });
  return {
    async send(request) {
      const response = await fetch(request.url, {
        client,
        method: request.method,
        headers: { "accept-encoding": "identity", ...request.headers },
        body: request.body as Uint8Array<ArrayBuffer> | undefined,
        signal: request.signal,
        redirect: "manual",
      });
      return responseOf(response);
    },
    close: () => client.close(),
  };
}
