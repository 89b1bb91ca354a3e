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

/** Turns what a `fetch` answered into our own form. Its header fields are copied when they are asked for. */
export function responseOf(response: FetchResponse): HttpResponse {
  let fields: ReadonlyMap<string, string> | undefined;
  return {
    status: response.status,
    get headers() {
      return fields ??= fieldsOf(response);
    },
    body: response.body ?? undefined,
  };
}

function fieldsOf({ headers }: FetchResponse): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  headers.forEach((value, name) => fields.set(name.toLowerCase(), value));
  return fields;
}
