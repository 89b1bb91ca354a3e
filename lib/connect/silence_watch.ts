import type { Clock } from "../runtime/clock.ts";

/**
 * Tells when nothing has been heard for a time. Hearing something costs no timer, because it happens with
 * every message: the one that runs looks, when it strikes, how long the silence has lasted.
 */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onSilent: () => void;
  #heardAtMs = 0;
  #cancel: (() => void) | undefined;

  /**
   * Begins when something is heard for the first time.
   *
   * @param limitMs Silence that is borne, in milliseconds.
   * @param onSilent Told once; again only after something has been heard.
   */
  constructor(clock: Clock, limitMs: number, onSilent: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#onSilent = onSilent;
  }

  /** Something has come. */
  heard(): void {
    this.#heardAtMs = this.#clock.monotonic();
    if (this.#cancel === undefined) this.#look(this.#limitMs);
  }

  /** Ends it, until something is heard again. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #look(afterMs: number): void {
    this.#cancel = this.#clock.after(afterMs, () => {
      const leftMs = this.#heardAtMs + this.#limitMs - this.#clock.monotonic();
      if (leftMs > 0) return this.#look(leftMs);
      this.#cancel = undefined;
      this.#onSilent();
    });
  }
}
