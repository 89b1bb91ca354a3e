import type { HttpResponse } from "./http_driver.ts";

/** The parts of a fetch `Response` that both runtimes share. */
export interface FetchResponse {
  /** HTTP status. */
  readonly status: number;
  /** Header fields. */
  readonly headers: { forEach(each: (value: string, name: string) => void): void };
  /** The body, if there is one. */
  readonly body: ReadableStream<Uint8Array> | null;
}

/** Turns what a `fetch` answered into our own form. */
export function responseOf(response: FetchResponse): HttpResponse {
  const headers = new Map<string, string>();
  response.headers.forEach((value, name) => headers.set(name.toLowerCase(), value));
  return { status: response.status, headers, body: response.body ?? emptyBody() };
}

function emptyBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}
