import { backoffSchedule } from "../core/backoff_schedule.ts";
import { DownloadError, isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { parseRetryAfter } from "../core/retry_after.ts";
import { type Clock, sleep, startDeadline } from "../runtime/clock.ts";
import { readBody } from "../runtime/http/body_reader.ts";
import type { HttpDriver, HttpResponse } from "../runtime/http/http_driver.ts";
import { type FileVersion, mergeVersions } from "./file_version.ts";
import { GiveUpBudget, type GiveUpLimits } from "./give_up_budget.ts";
import { judgeAnswer, type Judgement } from "./judge_answer.ts";
import { interrupted, letGo, openLink } from "./open_link.ts";
import { RateLimit } from "./rate_limit.ts";

/** Longest silence from the request to the last byte. */
const STALL_LIMIT_MS = 30_000;

/** Where the bytes of a download go. */
export interface DownloadTarget {
  /** Bytes that are stored. */
  readonly offset: number;
  /** Forgets everything that is stored. */
  restart(): Promise<void>;
  /** Takes the next bytes; the chunk may be reused once this settles. */
  write(chunk: Uint8Array): Promise<void> | void;
  /** Told what the server says of the file before any of its bytes; throws to refuse it. */
  onVersion(version: FileVersion): void;
}

/** What a download stands on. */
export interface ResumableDownloadOptions {
  /** Client without any credential. */
  readonly http: HttpDriver;
  /** Time. */
  readonly clock: Clock;
  /** Source of jitter, 0 <= r < 1. */
  readonly random: () => number;
  /** Hears of interruptions. */
  readonly logger: Logger;
  /** Link from the server's offer. */
  readonly uri: string;
  /**
   * Gets a fresh link for the same deployment when the present one does not work any more; throws when
   * there is none, because the deployment is over.
   */
  readonly renewLink: (signal: AbortSignal) => Promise<string>;
  /** Where the bytes go. */
  readonly target: DownloadTarget;
  /** What an earlier process knew of the file. */
  readonly known: FileVersion;
  /** When to give up. */
  readonly limits: GiveUpLimits;
  /** Longest wait between two attempts, in milliseconds. */
  readonly maxWaitMs: number;
  /** Highest mean rate in bytes per second; 0 = no limit. */
  readonly bytesPerSecond: number;
  /** Ends the download. */
  readonly signal: AbortSignal;
}

/** What a download came to. */
export interface DownloadSummary {
  /** Bytes that came over the network, those fetched again included. */
  readonly receivedBytes: number;
  /** Requests that were sent. */
  readonly requests: number;
}

/**
 * Fetches a file to its last byte, whatever happens on the way: what is stored is never fetched again
 * unless the file has changed, an attempt is repeated after about a second at first, a silence of 30 s
 * ends an attempt, and in the end it either has everything or says why not.
 *
 * Where the server does not say how large the file is, the end of an answer is taken for the end of the
 * file: the caller's own check has to find out whether it is.
 *
 * @throws {DownloadError} `download.gave-up`, `download.refused`, `download.bad-redirect`.
 * @throws What the target and `renewLink` throw, and the reason of `signal`.
 * @see device-api section 6
 */
export function downloadResumably(options: ResumableDownloadOptions): Promise<DownloadSummary> {
  return new ResumableDownload(options).run();
}

class ResumableDownload {
  readonly #options: ResumableDownloadOptions;
  readonly #budget: GiveUpBudget;
  readonly #rate: RateLimit;
  #waits: Generator<number, never>;
  #uri: string;
  #known: FileVersion;
  #receivedBytes = 0;
  /** The farthest that this download ever was: bytes fetched again are no progress. */
  #farthestBytes: number;
  #requests = 0;

  constructor(options: ResumableDownloadOptions) {
    this.#options = options;
    this.#uri = options.uri;
    this.#farthestBytes = options.target.offset;
    this.#known = options.known;
    this.#budget = new GiveUpBudget(options.limits, options.clock.monotonic());
    this.#rate = new RateLimit(options.bytesPerSecond, options.clock.monotonic());
    this.#waits = this.#freshWaits();
  }

  async run(): Promise<DownloadSummary> {
    for (;;) {
      try {
        if (await this.#attempt()) {
          return { receivedBytes: this.#receivedBytes, requests: this.#requests };
        }
      } catch (error) {
        if (!isMenderError(error, "download.") || error.retry === "never") throw error;
        await this.#waitAfter(error);
      }
    }
  }

  /** One request; whether everything is stored now. */
  async #attempt(): Promise<boolean> {
    const { clock, target, signal } = this.#options;
    if (this.#isComplete()) return true;
    const stalled = (): Error =>
      new DownloadError(
        "download.stalled",
        `Nothing arrived for ${STALL_LIMIT_MS / 1000} s, after ${target.offset} bytes`,
      );
    const watchdog = startDeadline(clock, STALL_LIMIT_MS, stalled, signal);
    try {
      this.#requests++;
      const response = await openLink(
        this.#options.http,
        this.#uri,
        this.#rangeHeaders(),
        watchdog.signal,
        () => clock.now(),
      );
      return await this.#follow(response, watchdog);
    } catch (error) {
      if (watchdog.signal.aborted) throw watchdog.signal.reason;
      throw error;
    } finally {
      watchdog.dispose();
    }
  }

  async #follow(response: HttpResponse, watchdog: Watchdog): Promise<boolean> {
    const { target, logger } = this.#options;
    const asked = { offset: target.offset, known: this.#known };
    const judgement = judgeAnswer(asked, response.status, response.headers);
    if (judgement.do === "take" || judgement.do === "anew") {
      try {
        if (judgement.do === "anew") {
          logger.log("warning", `The download starts again: ${judgement.why}`);
          await target.restart();
          this.#known = {};
        }
        this.#known = mergeVersions(this.#known, judgement.version);
        target.onVersion(this.#known);
      } catch (error) {
        await letGo(response);
        throw error;
      }
      const skip = judgement.do === "take" ? judgement.skip : 0;
      await this.#readBody(response, skip, watchdog);
      return this.#known.totalBytes === undefined || this.#isComplete();
    }
    await letGo(response);
    if (judgement.do === "complete") return true;
    await this.#overcome(judgement, response);
    return false;
  }

  async #overcome(
    judgement: Exclude<Judgement, { do: "take" | "anew" | "complete" }>,
    response: HttpResponse,
  ): Promise<void> {
    const { clock, logger, target, signal } = this.#options;
    const message = `Cannot download the Artifact: ${judgement.why}`;
    if (judgement.do === "refuse") {
      throw new DownloadError("download.refused", message, { retry: "never" });
    }
    if (judgement.do === "forget") {
      await target.restart();
      this.#known = {};
    }
    if (judgement.do === "renew" && this.#budget.tries === 0) {
      this.#budget.failed();
      logger.log(
        "info",
        `The download link does not work any more (${judgement.why}); asking for another`,
      );
      this.#uri = await this.#options.renewLink(signal);
      return;
    }
    if (judgement.do === "renew") this.#uri = await this.#options.renewLink(signal);
    const afterMs = parseRetryAfter(response.headers.get("retry-after"), clock.now());
    throw new DownloadError("download.failed", message, {
      retry: afterMs === undefined ? "later" : { afterMs },
    });
  }

  async #readBody(response: HttpResponse, skipBytes: number, watchdog: Watchdog): Promise<void> {
    const { clock, target, signal } = this.#options;
    const reader = readBody(response.body);
    let skip = skipBytes;
    let isAtEnd = false;
    let restartedAt = clock.monotonic();
    try {
      while (!isAtEnd) {
        const value = await reader.read().catch((error: unknown) => {
          throw this.#brokenOff(error);
        });
        watchdog.signal.throwIfAborted();
        isAtEnd = value === undefined;
        if (value === undefined) break;
        this.#receivedBytes += value.length;
        const skipped = Math.min(skip, value.length);
        skip -= skipped;
        await this.#store(value.subarray(skipped));
        const waitMs = this.#rate.spend(value.length, clock.monotonic());
        if (waitMs > 0) {
          watchdog.pause();
          await sleep(clock, waitMs, signal);
        }
        // A new timer for each chunk would cost more than the chunk.
        if (waitMs > 0 || clock.monotonic() - restartedAt > 1000) {
          watchdog.restart();
          restartedAt = clock.monotonic();
        }
      }
    } finally {
      if (!isAtEnd) await reader.cancel().catch(() => {}); // the connection is given up either way
    }
    const { totalBytes } = this.#known;
    if (skip > 0 || (totalBytes !== undefined && target.offset < totalBytes)) {
      throw this.#brokenOff();
    }
  }

  async #store(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    const { target } = this.#options;
    const { totalBytes } = this.#known;
    if (totalBytes !== undefined && target.offset + bytes.length > totalBytes) {
      await target.restart();
      this.#known = {};
      throw new DownloadError(
        "download.too-long",
        `The server sent more than the ${totalBytes} bytes that it announced`,
      );
    }
    await target.write(bytes);
    const newBytes = Math.max(0, target.offset - this.#farthestBytes);
    this.#farthestBytes += newBytes;
    if (this.#budget.progressed(newBytes)) this.#waits = this.#freshWaits();
  }

  async #waitAfter(error: DownloadError): Promise<void> {
    const { clock, logger, signal, target } = this.#options;
    this.#budget.failed();
    const growing = this.#waits.next().value;
    const waitMs = typeof error.retry === "object" ? error.retry.afterMs : growing;
    if (!this.#budget.allows(clock.monotonic(), waitMs)) {
      throw new DownloadError(
        "download.gave-up",
        `Cannot download the Artifact: gave up after ${this.#requests} requests and ${target.offset} bytes`,
        { cause: error, retry: "never" },
      );
    }
    logger.log(
      "warning",
      `The download is interrupted; going on in ${(waitMs / 1000).toFixed(1)} s`,
      {
        stored_bytes: target.offset,
      },
      error,
    );
    await sleep(clock, waitMs, signal);
  }

  #brokenOff(cause?: unknown): DownloadError {
    const { target, clock } = this.#options;
    return interrupted(`The download broke off after ${target.offset} bytes`, cause, clock.now());
  }

  #rangeHeaders(): Record<string, string> {
    const { offset } = this.#options.target;
    if (offset === 0) return {};
    const { etag, lastModified } = this.#known;
    const condition = etag ?? lastModified;
    return { range: `bytes=${offset}-`, ...(condition !== undefined && { "if-range": condition }) };
  }

  #isComplete(): boolean {
    return this.#options.target.offset > 0 &&
      this.#options.target.offset === this.#known.totalBytes;
  }

  #freshWaits(): Generator<number, never> {
    return backoffSchedule(this.#options.maxWaitMs, this.#options.random);
  }
}

interface Watchdog {
  readonly signal: AbortSignal;
  restart(): void;
  pause(): void;
}
