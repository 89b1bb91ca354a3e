import type { Clock } from "./clock.ts";

/** A call that waits for its answer. */
export interface WaitingCall {
  /** When it has waited long enough, on the monotonic clock. */
  readonly dueAtMs: number;
  /** Told when it has. */
  onDue(): void;
}

/**
 * The time limits of all calls of a connection, by one timer: one of its own for each call costs more
 * than the rest of the call. The timer is not set back when a call is answered; it strikes for nothing
 * then, and looks for the next one.
 */
export class CallLimits<Call extends WaitingCall> {
  readonly #clock: Clock;
  readonly #waiting = new Set<Call>();
  #cancel: (() => void) | undefined;
  #strikesAtMs = Infinity;

  /** Nothing is timed yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The calls that wait. */
  get waiting(): Iterable<Call> {
    return this.#waiting;
  }

  /** Starts the time of a call. */
  begin(call: Call): void {
    this.#waiting.add(call);
    if (call.dueAtMs < this.#strikesAtMs) this.#strikeAt(call.dueAtMs);
  }

  /** The call has ended. */
  end(call: Call): void {
    this.#waiting.delete(call);
  }

  /** Stops the timer; calls that begin later are timed again. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#strikesAtMs = Infinity;
  }

  #strikeAt(atMs: number): void {
    this.#cancel?.();
    this.#strikesAtMs = atMs;
    const waitMs = Math.max(0, atMs - this.#clock.monotonic());
    this.#cancel = this.#clock.after(waitMs, () => this.#strike());
  }

  #strike(): void {
    this.#strikesAtMs = Infinity;
    const now = this.#clock.monotonic();
    for (const call of [...this.#waiting]) {
      if (call.dueAtMs > now) continue;
      this.#waiting.delete(call);
      call.onDue();
    }
    const next = Math.min(...[...this.#waiting].map(({ dueAtMs }) => dueAtMs));
    if (next < this.#strikesAtMs) this.#strikeAt(next);
  }
}

/** A clock whose timers are one; whoever made it stops it. */
export interface LimitClock extends Clock {
  /** Lets go of the timer; limits that are started later are timed again. */
  stop(): void;
}

/** Time limits, which most often do not strike, by one timer: see {@link CallLimits}. */
export function limitClock(clock: Clock): LimitClock {
  const limits = new CallLimits(clock);
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after(delayMs, onDue) {
      const call = { dueAtMs: clock.monotonic() + Math.max(0, delayMs), onDue };
      limits.begin(call);
      return () => limits.end(call);
    },
    stop: () => limits.stop(),
  };
}
