import type { Clock } from "../../lib/runtime/clock.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";

/**
 * A clock that runs faster than the world: waits of a minute become short, while real sockets keep their
 * own time. The wall clock is left alone.
 */
export function fastClock(factor: number): Clock {
  return {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic() * factor,
    after: (delayMs, callback) => systemClock.after(delayMs / factor, callback),
  };
}
