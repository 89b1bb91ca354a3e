import { ApiError } from "../core/errors.ts";
import type { Clock } from "../runtime/clock.ts";
import { startDeadline } from "../runtime/clock.ts";
import { readBody } from "../runtime/http/body_reader.ts";
import type { HttpDriver, HttpRequest, HttpResponse } from "../runtime/http/http_driver.ts";
import { explainTransportFailure } from "../runtime/http/transport_failure.ts";

/** Longest answer that is read from the Device API; real ones are a few kilobytes. */
const MAX_ANSWER_BYTES = 1 << 20;
/** Read at a time: most answers come whole. */
const READ_BYTES = 16 * 1024;
const MAX_REDIRECTS = 5;

/** A whole answer of the Device API. */
export interface ApiAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** The body as text. */
  readonly text: string;
}

/** A request without its signal; the exchange makes one. */
export type ApiRequest = Omit<HttpRequest, "signal">;

/** How an exchange is limited. */
export interface ExchangeOptions {
  /** Limit for everything from the connection to the last byte of the answer. */
  readonly limitMs: number;
  /** Ends the exchange early. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends one Device API request and reads the whole answer, within a time limit.
 *
 * Redirects are followed only to the same origin, so that a token or a signed body never leaves it,
 * and only where the method may stay the same.
 *
 * @throws {ApiError} `api.time-out`, `api.unreachable`, `api.redirected`, `api.answer-too-large`.
 * @throws The reason of `signal` when it is aborted.
 */
export async function exchange(
  http: HttpDriver,
  clock: Clock,
  request: ApiRequest,
  options: ExchangeOptions,
): Promise<ApiAnswer> {
  const timeOut = (): Error =>
    new ApiError(
      "api.time-out",
      `Cannot finish ${describe(request)}: no answer within ${options.limitMs / 1000} s`,
    );
  const deadline = startDeadline(clock, options.limitMs, timeOut, options.signal);
  try {
    let url = request.url;
    for (let hops = 0;; hops++) {
      const response = await http.send({ ...request, url, signal: deadline.signal });
      if (!isRedirect(response)) return await readAnswer(response, request);
      await response.body?.cancel();
      url = redirectTarget(response, request, url, hops);
    }
  } catch (error) {
    if (deadline.signal.aborted) throw deadline.signal.reason;
    if (error instanceof ApiError) throw error;
    const { origin } = new URL(request.url);
    throw unreachable(`Cannot reach ${origin} for ${describe(request)}`, error, clock.now());
  } finally {
    deadline.dispose();
  }
}

/** The runtime's own words stay in the cause; what a user can change goes into message and hint. */
function unreachable(what: string, cause: unknown, nowMs: number): ApiError {
  const told = explainTransportFailure(cause, nowMs);
  return new ApiError("api.unreachable", told === undefined ? what : `${what}: ${told.why}`, {
    cause,
    hint: told?.hint ?? "Check the network, ServerURL and ServerCertificate",
  });
}

function isRedirect(response: HttpResponse): boolean {
  return [301, 302, 303, 307, 308].includes(response.status) && response.headers.has("location");
}

function redirectTarget(
  response: HttpResponse,
  request: ApiRequest,
  from: string,
  hops: number,
): string {
  const refuse = (why: string): ApiError =>
    new ApiError("api.redirected", `Cannot follow the redirect of ${describe(request)}: ${why}`, {
      hint: "Set ServerURL to the address that serves the Device API",
    });
  const location = response.headers.get("location")!;
  if (!URL.canParse(location, from)) throw refuse("its target is no address");
  const target = new URL(location, from);
  if (target.origin !== new URL(request.url).origin) {
    throw refuse(`it leads to another origin, ${target.origin}`);
  }
  const keepsMethod = response.status >= 307 || request.method === "GET";
  if (!keepsMethod) throw refuse(`status ${response.status} would turn ${request.method} into GET`);
  if (hops >= MAX_REDIRECTS) throw refuse(`more than ${MAX_REDIRECTS} in a row`);
  return target.href;
}

async function readAnswer(response: HttpResponse, request: ApiRequest): Promise<ApiAnswer> {
  const { status, body } = response;
  // An answer without a body is what most polls get.
  const text = body === undefined ? "" : await readText(body, request);
  return {
    status,
    get headers() {
      return response.headers;
    },
    text,
  };
}

async function readText(body: ReadableStream<Uint8Array>, request: ApiRequest): Promise<string> {
  const reader = readBody(body, READ_BYTES);
  const decoder = new TextDecoder();
  let text = "";
  for (let size = 0;;) {
    const bytes = await reader.read();
    if (bytes === undefined) break;
    size += bytes.length;
    if (size > MAX_ANSWER_BYTES) {
      await reader.cancel();
      throw new ApiError(
        "api.answer-too-large",
        `Cannot use the answer to ${
          describe(request)
        }: it is larger than ${MAX_ANSWER_BYTES} bytes`,
      );
    }
    text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}

function describe(request: ApiRequest): string {
  return `${request.method} ${new URL(request.url).pathname}`;
}
