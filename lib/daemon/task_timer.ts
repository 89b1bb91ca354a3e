import { backoffSchedule } from "../core/backoff_schedule.ts";
import type { RetryAdvice } from "../core/errors.ts";

/**
 * When a repeated task is due: at once, then at its interval; after failures in growing, jittered
 * waits.
 *
 * Pure: times come in as arguments, in milliseconds of a monotonic clock.
 */
export class TaskTimer {
  readonly #intervalMs: number;
  readonly #longestRetryMs: number;
  readonly #random: () => number;
  #retries: Generator<number, never> | undefined;
  #dueAtMs = -Infinity;

  /**
   * Makes a timer of which the task is due.
   *
   * @param intervalMs Time from one success to the next start.
   * @param longestRetryMs Longest of the growing waits after failures.
   */
  constructor(intervalMs: number, longestRetryMs: number, random: () => number) {
    this.#intervalMs = intervalMs;
    this.#longestRetryMs = longestRetryMs;
    this.#random = random;
  }

  /** Moment at which the task is due. */
  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** Whether the task is due. */
  isDue(nowMs: number): boolean {
    return nowMs >= this.#dueAtMs;
  }

  /** Makes the task due at once. */
  hurry(): void {
    this.#dueAtMs = -Infinity;
  }

  /** The task is not due until it is hurried. */
  rest(): void {
    this.#retries = undefined;
    this.#dueAtMs = Infinity;
  }

  /** The task was done: it is due again after the interval. */
  succeeded(nowMs: number): void {
    this.#retries = undefined;
    this.#dueAtMs = nowMs + this.#intervalMs;
  }

  /**
   * The task failed: it is due again after the wait that the server asked for, else after the next
   * one of the growing waits.
   *
   * @returns The wait in milliseconds.
   */
  failed(nowMs: number, advice: RetryAdvice): number {
    this.#retries ??= backoffSchedule(this.#longestRetryMs, this.#random);
    const growing = this.#retries.next().value;
    const waitMs = typeof advice === "object" ? advice.afterMs : growing;
    this.#dueAtMs = nowMs + waitMs;
    return waitMs;
  }
}
