import { DownloadError } from "../core/errors.ts";
import { parseRetryAfter } from "../core/retry_after.ts";
import { type Clock, startDeadline } from "../runtime/clock.ts";
import type { HttpDriver, HttpResponse } from "../runtime/http/http_driver.ts";

/** Longest silence from the request to the last byte. */
const STALL_LIMIT_MS = 30_000;
const MAX_REDIRECTS = 10;

/** What an Artifact is fetched with, and where its bytes go. */
export interface ArtifactStreamOptions {
  /** Client without any credential: the link itself is the permission. */
  readonly http: HttpDriver;
  /** Time. */
  readonly clock: Clock;
  /** Link from the server's offer. */
  readonly uri: string;
  /** Told once, before the first byte; the size is `undefined` when the server does not say it. */
  readonly onStart: (sizeBytes: number | undefined) => void;
  /** Given each chunk in order; the chunk may be reused once this settles. */
  readonly onChunk: (chunk: Uint8Array) => Promise<void> | void;
  /** Ends the download. */
  readonly signal: AbortSignal;
}

/**
 * Fetches an Artifact once, from its first byte to its last. A silence of 30 s ends the attempt.
 *
 * @returns The number of bytes.
 * @throws {DownloadError} `download.status`, `download.stalled`, `download.interrupted`,
 * `download.wrong-length`, `download.bad-redirect`; `retry` says whether another attempt can help.
 * @throws What `onStart` and `onChunk` throw, and the reason of `signal`.
 * @see device-api §6
 */
export async function streamArtifact(options: ArtifactStreamOptions): Promise<number> {
  const stalled = (): Error =>
    new DownloadError(
      "download.stalled",
      `Cannot finish the download: nothing arrived for ${STALL_LIMIT_MS / 1000} s`,
    );
  const watchdog = startDeadline(options.clock, STALL_LIMIT_MS, stalled, options.signal);
  try {
    const response = await followRedirects(options, watchdog.signal);
    const sizeBytes = await start(response, options);
    const received = await readBody(response, options, watchdog);
    if (sizeBytes === undefined || received === sizeBytes) return received;
    throw new DownloadError(
      "download.wrong-length",
      `Cannot use the download: ${received} bytes arrived where ${sizeBytes} were announced`,
    );
  } catch (error) {
    if (watchdog.signal.aborted) throw watchdog.signal.reason;
    throw error;
  } finally {
    watchdog.dispose();
  }
}

async function followRedirects(
  options: ArtifactStreamOptions,
  signal: AbortSignal,
): Promise<HttpResponse> {
  let url = options.uri;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await send(options.http, url, signal);
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) {
      return response;
    }
    await letGo(response);
    url = redirectTarget(url, location);
  }
  throw badRedirect(`more than ${MAX_REDIRECTS} in a row`);
}

async function send(http: HttpDriver, url: string, signal: AbortSignal): Promise<HttpResponse> {
  try {
    return await http.send({ method: "GET", url, signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw interrupted(`Cannot reach ${new URL(url).host} for the download`, error);
  }
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

/** Looks at the head of the answer; a body that is not going to be read is let go. */
async function start(
  response: HttpResponse,
  options: ArtifactStreamOptions,
): Promise<number | undefined> {
  try {
    const sizeBytes = announcedSize(response, options.clock);
    options.onStart(sizeBytes);
    return sizeBytes;
  } catch (error) {
    await letGo(response);
    throw error;
  }
}

async function letGo(response: HttpResponse): Promise<void> {
  await response.body.cancel().catch(() => {}); // broken already: nothing more is wanted of it
}

function announcedSize(response: HttpResponse, clock: Clock): number | undefined {
  const { status, headers } = response;
  if (status !== 200) {
    const afterMs = parseRetryAfter(headers.get("retry-after"), clock.now());
    const isFinal = status >= 400 && status < 500 && ![403, 404, 408, 416, 429].includes(status);
    throw new DownloadError(
      "download.status",
      `Cannot download the Artifact: the server answered ${status}`,
      { retry: afterMs !== undefined ? { afterMs } : isFinal ? "never" : "later" },
    );
  }
  const length = headers.get("content-length");
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

async function readBody(
  response: HttpResponse,
  options: ArtifactStreamOptions,
  watchdog: { readonly signal: AbortSignal; restart(): void },
): Promise<number> {
  const reader = response.body.getReader();
  let received = 0;
  let restartedAt = options.clock.monotonic();
  let isAtEnd = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw interrupted(`The download broke off after ${received} bytes`, error);
      });
      watchdog.signal.throwIfAborted();
      isAtEnd = done;
      if (done) return received;
      received += value.length;
      await options.onChunk(value);
      const now = options.clock.monotonic();
      // A new timer for each chunk would cost more than the chunk.
      if (now - restartedAt > 1000) {
        watchdog.restart();
        restartedAt = now;
      }
    }
  } finally {
    if (!isAtEnd) await reader.cancel().catch(() => {}); // the connection is given up either way
  }
}

function interrupted(message: string, cause: unknown): DownloadError {
  return new DownloadError("download.interrupted", message, { cause });
}

function badRedirect(why: string): DownloadError {
  return new DownloadError(
    "download.bad-redirect",
    `Cannot follow the redirect of the download: ${why}`,
    { retry: "never" },
  );
}
