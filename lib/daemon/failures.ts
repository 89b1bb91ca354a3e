import { isMenderError, messageOf, type RetryAdvice } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ClientEvent } from "./client_event.ts";
import { type FailureView, tenths } from "./daemon_status.ts";

/** When to try again what has failed. */
export function adviceOf(error: unknown): RetryAdvice {
  return isMenderError(error) ? error.retry : "later";
}

/** Tells, in the log and as events, of what failed and will be tried again, and remembers the last of it. */
export class Failures {
  readonly #logger: Logger;
  readonly #tell: (event: ClientEvent) => void;
  #isPendingTold = false;
  #last: (Omit<FailureView, "secondsAgo"> & { readonly atMs: number }) | undefined;

  /** Tells `logger` and `tell`. */
  constructor(logger: Logger, tell: (event: ClientEvent) => void) {
    this.#logger = logger;
    this.#tell = tell;
  }

  /** The server has let the device in: when it does not any more, that is news again. */
  letIn(): void {
    this.#isPendingTold = false;
  }

  /** What was to be done is done: if it was the last to fail, nothing is wrong any more. */
  succeeded(what: string): void {
    if (this.#last?.what === what) this.#last = undefined;
  }

  /** Forgets the last failure. */
  forget(): void {
    this.#last = undefined;
  }

  /** The last failure, if that has not been done since. */
  last(nowMs: number): FailureView | undefined {
    if (this.#last === undefined) return undefined;
    const { atMs, ...failure } = this.#last;
    return { ...failure, secondsAgo: tenths(nowMs - atMs) };
  }

  /**
   * Tells of a failure.
   *
   * @param what What was to be done, as in "send the inventory".
   * @param waitMs Until it is tried again.
   * @param nowMs Monotonic time.
   */
  failed(what: string, error: unknown, waitMs: number, nowMs: number): void {
    const code = isMenderError(error) ? error.code : "internal";
    this.#last = { what, code, message: messageOf(error), atMs: nowMs };
    const nextAttemptSeconds = tenths(waitMs);
    const fields = { next_attempt_seconds: nextAttemptSeconds };
    if (isMenderError(error, "auth.unauthorized")) {
      // Pending is no error: an operator has to accept the device, which may take days.
      const level = this.#isPendingTold ? "debug" : "info";
      this.#isPendingTold = true;
      this.#logger.log(level, "Not accepted by the server yet; asking again", fields, error);
      this.#tell({ type: "pending", nextAttemptSeconds });
      return;
    }
    const known = isMenderError(error) ? error : undefined;
    const hint = known?.hint === undefined ? {} : { hint: known.hint };
    this.#logger.log(known === undefined ? "error" : "warning", `Failed to ${what}`, {
      ...fields,
      ...(known !== undefined && { code: known.code, ...hint }),
    }, error);
    this.#tell({
      type: "failure",
      what,
      code,
      message: messageOf(error),
      ...hint,
      nextAttemptSeconds,
    });
  }
}
