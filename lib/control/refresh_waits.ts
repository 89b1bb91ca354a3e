/** No attempt is put off for longer, however often it has failed. */
export const MAX_RETRY_MS = 30_000;

/** An attempt that fails while the map still lives is followed by at least so many before its end. */
const TRIES_LEFT = 4;

const SHORTEST_RETRY_MS = 500;

/**
 * How long to wait before a map is set again: somewhat less than its half-time, so that a slow call is
 * still in time.
 *
 * @param refreshMs Half of the map's life, more than 0.
 */
export function refreshWaitMs(refreshMs: number): number {
  const margin = Math.min(Math.max(refreshMs / 10, 500), 5000);
  return Math.max(refreshMs - margin, refreshMs / 2);
}

/**
 * How long to wait after an attempt that failed.
 *
 * @param backoffMs What the schedule of retries says.
 * @param leftMs Time until the map that was accepted last dies; `undefined` when there is none.
 */
export function retryWaitMs(backoffMs: number, leftMs: number | undefined): number {
  const wait = Math.min(backoffMs, MAX_RETRY_MS);
  if (leftMs === undefined || leftMs <= 0) return wait;
  return Math.min(wait, Math.max(leftMs / TRIES_LEFT, SHORTEST_RETRY_MS));
}
