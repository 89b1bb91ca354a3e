import type { Clock } from "../runtime/clock.ts";

/** A sleep that can be cut short from outside. */
export class Alarm {
  readonly #clock: Clock;
  #isRung = false;
  #wake: (() => void) | undefined;
  #watched: AbortSignal | undefined;

  /** Makes an alarm; nothing sleeps yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the sleep; when nobody sleeps, the next sleep ends at once. */
  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /**
   * Sleeps until the time is over or the alarm rings.
   *
   * @throws The reason of `signal`, when it is aborted.
   */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#watch(signal);
    if (!this.#isRung) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          this.#wake = undefined;
          resolve();
        };
        const cancel = ms === Infinity ? () => {} : this.#clock.after(ms, end);
        this.#wake = () => {
          cancel();
          end();
        };
      });
    }
    this.#isRung = false;
    signal.throwIfAborted();
  }

  /** Sleeps of a daemon all have the same signal: it is listened to once. */
  #watch(signal: AbortSignal): void {
    if (this.#watched === signal) return;
    this.#watched = signal;
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
  }
}
