import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../lib/runtime/clock.ts";

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

/**
 * Time that a test moves by hand. Timers strike in their order, each after everything that the one
 * before set off has come to rest.
 */
export class FakeClock implements Clock {
  /** Wall-clock time at the start; the wall clock moves with the monotonic one. */
  startsAt: number;
  #elapsed = 0;
  readonly #timers = new Set<Timer>();

  /** Makes a clock that stands still. */
  constructor(startsAt = Date.UTC(2030, 0, 2, 3, 4, 5)) {
    this.startsAt = startsAt;
  }

  /** @inheritdoc */
  now(): number {
    return this.startsAt + this.#elapsed;
  }

  /** @inheritdoc */
  monotonic(): number {
    return this.#elapsed;
  }

  /** @inheritdoc */
  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueAt: this.#elapsed + Math.max(delayMs, 0), callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers that have neither struck nor been cancelled. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await settled();
    while (this.#strikeNext(end)) await settled();
    this.#elapsed = end;
  }

  /**
   * Lets time pass until `work` has settled, and gives its result.
   *
   * @throws What `work` throws; or that it waits for something that is not time, or for more than
   * `limitMs`.
   */
  async run<T>(work: Promise<T>, limitMs = 365 * 86_400_000): Promise<T> {
    let isSettled = false;
    const mark = (): void => void (isSettled = true);
    work.then(mark, mark);
    const end = this.#elapsed + limitMs;
    for (;;) {
      await settled();
      if (isSettled) return await work;
      if (!this.#strikeNext(end)) {
        throw new Error(`It is not done at ${this.#elapsed} ms, ${this.pendingTimers} timers wait`);
      }
    }
  }

  #strikeNext(end: number): boolean {
    const [next] = [...this.#timers].sort((a, b) => a.dueAt - b.dueAt);
    if (next === undefined || next.dueAt > end) return false;
    this.#timers.delete(next);
    this.#elapsed = Math.max(this.#elapsed, next.dueAt);
    next.callback();
    return true;
  }
}

/** Waits until promises and streams that need no time have come to rest. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await setImmediate();
}
