import * as tls from "node:tls";
import { Agent, fetch } from "undici";
import type { HttpDriver, HttpDriverOptions } from "./http_driver.ts";
import { responseOf } from "./http_response.ts";

/** HTTP by undici; `fetch` and `Agent` must come from the same copy of it. */
export function nodeHttp(options: HttpDriverOptions): HttpDriver {
  const agent = new Agent({
    connect: {
      ...(options.skipVerify === true
        ? { rejectUnauthorized: false }
        // Read only where it counts: on Deno the runtime's own roots are a permission of their own.
        : { ca: [...tls.rootCertificates, ...options.caCertificates ?? []] }),
      ...(options.clientCertificate && {
        cert: options.clientCertificate.certificate,
        key: options.clientCertificate.key,
      }),
    },
    // The callers' deadlines are the only clocks; undici's own would only add a second, vaguer error.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    async send(request) {
      const response = await fetch(request.url, {
        dispatcher: agent,
        method: request.method,
        headers: { "accept-encoding": "identity", ...request.headers },
        body: request.body ?? null,
        signal: request.signal,
        redirect: "manual",
      });
      return responseOf(response as unknown as Parameters<typeof responseOf>[0]);
    },
    close: () => {
      agent.close().catch(() => {}); // connections that are broken already need no closing
    },
  };
}
