import { backoffSchedule } from "../core/backoff_schedule.ts";
import type { RetryAdvice } from "../core/errors.ts";

/** Part by which an interval is shortened at most, and a wait that the server asks for lengthened. */
const SPREAD = 1 / 10;

/**
 * When a repeated task is due: at once, then at its interval; after failures in growing waits. All of
 * them are jittered, so that a fleet that was brought into step, by an outage say, falls out of it.
 *
 * Pure: times come in as arguments, in milliseconds of a monotonic clock.
 */
export class TaskTimer {
  #intervalMs: number;
  #longestRetryMs: number;
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

  /** Takes other limits, as in the constructor, and makes the task due at once. */
  retime(intervalMs: number, longestRetryMs: number): void {
    this.#intervalMs = intervalMs;
    this.#longestRetryMs = longestRetryMs;
    this.#retries = undefined;
    this.hurry();
  }

  /** The task is not due before a moment. */
  postpone(untilMs: number): void {
    this.#dueAtMs = Math.max(this.#dueAtMs, untilMs);
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

  /** The task was done: it is due again after the interval, or up to a tenth of it sooner. */
  succeeded(nowMs: number): void {
    this.#retries = undefined;
    this.#dueAtMs = nowMs + this.#intervalMs * (1 - this.#random() * SPREAD);
  }

  /**
   * The task failed: it is due again after the wait that the server asked for, or up to a tenth of it
   * later, else after the next one of the growing waits.
   *
   * @returns The wait in milliseconds.
   */
  failed(nowMs: number, advice: RetryAdvice): number {
    this.#retries ??= backoffSchedule(this.#longestRetryMs, this.#random);
    const growing = this.#retries.next().value;
    const waitMs = typeof advice === "object"
      ? advice.afterMs * (1 + this.#random() * SPREAD)
      : growing;
    this.#dueAtMs = nowMs + waitMs;
    return waitMs;
  }
}
