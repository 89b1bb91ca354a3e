/** Longest saved-up time: a download that was held up may not make up for it all at once. */
const MAX_CREDIT_MS = 1000;

/** Spreads bytes over time: tells how long to wait after each chunk. Pure: time comes in. */
export class RateLimit {
  readonly #bytesPerMs: number;
  #freeAtMs: number;

  /** Starts counting. `bytesPerSecond` is the highest mean rate; 0 = no limit. */
  constructor(bytesPerSecond: number, nowMs: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#freeAtMs = nowMs;
  }

  /** Counts bytes that have arrived, and tells how many milliseconds to wait before the next. */
  spend(bytes: number, nowMs: number): number {
    if (this.#bytesPerMs === 0) return 0;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs - MAX_CREDIT_MS) + bytes / this.#bytesPerMs;
    return Math.max(0, this.#freeAtMs - nowMs);
  }
}
