import type { Clock } from "../../runtime/clock.ts";

const WINDOW_MS = 60_000;
const STEP_MS = 1000;

/** Bytes of the last minute, held against a limit. */
export class ByteRate {
  readonly #clock: Clock;
  readonly #maxPerMinute: number;
  readonly #steps: { readonly startsAt: number; bytes: number }[] = [];

  /** Starts at nothing; a limit of 0 is none. */
  constructor(clock: Clock, maxPerMinute: number) {
    this.#clock = clock;
    this.#maxPerMinute = maxPerMinute;
  }

  /** Bytes of the last minute. */
  get bytesPerMinute(): number {
    const now = this.#clock.monotonic();
    while (this.#steps.length > 0 && this.#steps[0]!.startsAt <= now - WINDOW_MS) {
      this.#steps.shift();
    }
    return this.#steps.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Counts bytes; `false`, and they are not counted, when they would go beyond the limit. */
  take(bytes: number): boolean {
    if (this.#maxPerMinute === 0) return true;
    if (this.bytesPerMinute + bytes > this.#maxPerMinute) return false;
    const now = this.#clock.monotonic();
    const last = this.#steps.at(-1);
    if (last !== undefined && last.startsAt > now - STEP_MS) last.bytes += bytes;
    else this.#steps.push({ startsAt: now, bytes });
    return true;
  }
}
