/**
 * Waits before each further attempt at the same thing.
 *
 * Starts at about one second and doubles up to `maxMs`; each wait is jittered down by up to a half,
 * so that a fleet does not come back in step.
 *
 * @param maxMs Longest single wait in milliseconds (`RetryPollIntervalSeconds` x 1000).
 * @param random Source of jitter, 0 <= r < 1.
 * @returns Waits in milliseconds, without end; the caller owns the give-up budget.
 * @throws {RangeError} `maxMs` is not a positive number.
 */
export function* backoffSchedule(maxMs: number, random: () => number): Generator<number, never> {
  if (!(maxMs > 0)) throw new RangeError(`Cannot schedule waits of at most ${maxMs} ms`);
  for (let ceiling = Math.min(1500, maxMs);; ceiling = Math.min(ceiling * 2, maxMs)) {
    yield Math.round(ceiling * (1 - random() / 2));
  }
}
