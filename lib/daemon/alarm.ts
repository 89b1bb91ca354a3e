import type { Clock } from "../runtime/clock.ts";
import { onAbort } from "../runtime/on_abort.ts";

/** A sleep that can be cut short from outside. */
export class Alarm {
  readonly #clock: Clock;
  #isRung = false;
  #wake: (() => void) | undefined;

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
    if (!this.#isRung) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          this.#wake = undefined;
          forget();
          resolve();
        };
        const cancel = ms === Infinity ? () => {} : this.#clock.after(ms, end);
        const wake = this.#wake = () => {
          cancel();
          end();
        };
        const forget = onAbort(signal, wake);
      });
    }
    this.#isRung = false;
    signal.throwIfAborted();
  }
}
