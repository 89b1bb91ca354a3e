/** When a question for a deployment was answered last, and whether that is too long ago. Times are monotonic. */
export class PollRecord {
  #startedAtMs = 0;
  #answeredAtMs: number | undefined;
  #excusedUntilMs = -Infinity;

  /** The daemon runs from now on. */
  begin(nowMs: number): void {
    this.#startedAtMs = nowMs;
  }

  /** A question was answered. */
  answered(nowMs: number): void {
    this.#answeredAtMs = nowMs;
  }

  /** Until then nothing was to be answered: an outcome was waited for, or the server asked to wait. */
  excuse(untilMs: number): void {
    this.#excusedUntilMs = untilMs;
  }

  /** Milliseconds since the last answer; `undefined` when there was none. */
  sinceAnswer(nowMs: number): number | undefined {
    return this.#answeredAtMs === undefined ? undefined : nowMs - this.#answeredAtMs;
  }

  /** Whether there was neither an answer nor an excuse for longer than `limitMs`. */
  isStale(nowMs: number, limitMs: number): boolean {
    const heardAtMs = Math.max(this.#answeredAtMs ?? this.#startedAtMs, this.#excusedUntilMs);
    return nowMs - heardAtMs > limitMs;
  }
}
