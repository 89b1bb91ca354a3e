import type { Clock } from "./clock.ts";

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    // A 32-bit timer overflows after 24.8 days and would strike at once.
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), 0x7fffffff));
    return () => clearTimeout(timer);
  },
};
