/** How long a download may go on failing. */
export interface GiveUpLimits {
  /** Attempts in a row that bring no progress. */
  readonly maxTries: number;
  /** Time since the start, in milliseconds of a monotonic clock. */
  readonly maxMs: number;
}

/** Progress after which earlier failures are forgotten. */
const PROGRESS_BYTES = 1 << 20;

/**
 * Counts what a download may still fail. Attempts that brought a mebibyte or more start the count anew:
 * a bad link that gets there in the end is better than none.
 */
export class GiveUpBudget {
  readonly #limits: GiveUpLimits;
  readonly #startMs: number;
  #tries = 0;
  #bytes = 0;

  /** Starts the clock. */
  constructor(limits: GiveUpLimits, nowMs: number) {
    this.#limits = limits;
    this.#startMs = nowMs;
  }

  /** Failed attempts in a row. */
  get tries(): number {
    return this.#tries;
  }

  /** Bytes have arrived that were not stored before. */
  progressed(bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes < PROGRESS_BYTES) return false;
    this.#bytes = 0;
    const wasFailing = this.#tries > 0;
    this.#tries = 0;
    return wasFailing;
  }

  /** An attempt has failed. */
  failed(): void {
    this.#tries++;
    this.#bytes = 0;
  }

  /**
   * Whether another attempt is within the budget.
   *
   * @param waitMs How long it would be waited for.
   */
  allows(nowMs: number, waitMs: number): boolean {
    return this.#tries < this.#limits.maxTries &&
      nowMs - this.#startMs + waitMs <= this.#limits.maxMs;
  }
}
