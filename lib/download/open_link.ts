import { DownloadError } from "../core/errors.ts";
import type { HttpDriver, HttpResponse } from "../runtime/http/http_driver.ts";
import { explainTransportFailure } from "../runtime/http/transport_failure.ts";

const MAX_REDIRECTS = 10;

/**
 * Requests a download link and follows its redirects: to http and https only, never from https to http,
 * and without any credential, since the link itself is the permission.
 *
 * @param nowMs Wall-clock time, for the explanation of a failure.
 * @throws {DownloadError} `download.bad-redirect`, `download.interrupted`.
 * @throws The reason of `signal`.
 */
export async function openLink(
  http: HttpDriver,
  uri: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  nowMs: () => number,
): Promise<HttpResponse> {
  let url = uri;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await send(http, url, headers, signal, nowMs);
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) {
      return response;
    }
    await letGo(response);
    url = redirectTarget(url, location);
  }
  throw badRedirect(`more than ${MAX_REDIRECTS} in a row`);
}

/** Gives up the body of an answer that is not going to be read, and its connection with it. */
export async function letGo(response: HttpResponse): Promise<void> {
  await response.body?.cancel().catch(() => {}); // broken already: nothing more is wanted of it
}

async function send(
  http: HttpDriver,
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  nowMs: () => number,
): Promise<HttpResponse> {
  try {
    return await http.send({ method: "GET", url, headers, signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw interrupted(`Cannot reach ${new URL(url).host} for the download`, error, nowMs());
  }
}

/**
 * A failure of the connection, with what is known of its cause in plain words.
 *
 * @param nowMs Wall-clock time: a certificate may be refused because of it.
 */
export function interrupted(what: string, cause: unknown, nowMs: number): DownloadError {
  const told = explainTransportFailure(cause, nowMs);
  return new DownloadError(
    "download.interrupted",
    told === undefined ? what : `${what}: ${told.why}`,
    { cause, ...(told?.hint !== undefined && { hint: told.hint }) },
  );
}

function redirectTarget(from: string, location: string): string {
  if (!URL.canParse(location, from)) throw badRedirect("its target is no address");
  const target = new URL(location, from);
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw badRedirect(`its target is a ${target.protocol} address`);
  }
  if (from.startsWith("https:") && target.protocol === "http:") {
    throw badRedirect("it leads from https to http");
  }
  return target.href;
}

function badRedirect(why: string): DownloadError {
  return new DownloadError(
    "download.bad-redirect",
    `Cannot follow the redirect of the download: ${why}`,
    { retry: "never" },
  );
}
