import type { ProxySettings } from "./proxy_settings.ts";

/** How an HTTP client reaches and trusts its servers. */
export interface HttpDriverOptions {
  /** PEM certificates trusted in addition to the runtime's own. */
  readonly caCertificates?: readonly string[];
  /** Accepts any server certificate; only for tests and first trials. */
  readonly skipVerify?: boolean;
  /** Client certificate and key, PEM. */
  readonly clientCertificate?: { readonly certificate: string; readonly key: string };
  /** Proxies to use; none when absent, whatever the environment says. */
  readonly proxy?: ProxySettings | undefined;
  /**
   * Longest silence of a server on the paths where the runtime can miss the end of a connection (undici
   * on Deno), in milliseconds; 30 s when absent. Elsewhere the callers' signals are the only clocks.
   */
  readonly silenceLimitMs?: number;
}

/** One request. Redirects are never followed by the driver. */
export interface HttpRequest {
  /** HTTP method. */
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute, `http:` or `https:`. */
  readonly url: string;
  /** Header fields to send. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is, with its length. */
  readonly body?: Uint8Array;
  /** Ends the request and the reading of the answer. */
  readonly signal: AbortSignal;
}

/** The head of an answer, and its body as it comes. */
export interface HttpResponse {
  /** HTTP status. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /**
   * The bytes as sent (no content coding was asked for). Read it to its end, or cancel it; absent where an
   * answer has none.
   */
  readonly body: ReadableStream<Uint8Array> | undefined;
}

/** An HTTP client. */
export interface HttpDriver {
  /**
   * Sends a request. Rejects with the runtime's error when no whole head arrives.
   *
   * @throws {RuntimeError} `runtime.proxy-refused`, `runtime.proxy-unreachable`, `runtime.stalled`.
   */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** Closes idle connections. */
  close(): void;
}
