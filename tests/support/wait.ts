import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until `condition` gives something truthy, and returns it.
 *
 * @param what Named in the failure, together with what was last seen.
 */
export async function waitUntil<T>(
  what: string,
  condition: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  timeoutMs = 10_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const seen = await condition();
    if (seen) return seen;
    if (performance.now() > end) {
      throw new Error(
        `${what} did not happen within ${timeoutMs} ms; last seen: ${JSON.stringify(seen)}`,
      );
    }
    await delay(10);
  }
}
