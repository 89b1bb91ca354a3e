/** Part of the poll interval that a first contact is spread over at most. */
const PART_OF_INTERVAL = 1 / 10;

/**
 * How long a daemon that has just started leaves its server alone, so that a fleet that starts at once,
 * after a power cut say, does not come at once. A device that polls often is in a hurry: its wait is
 * short.
 *
 * @param spreadMs Longest such wait, in milliseconds (`FirstContactSpreadSeconds`).
 * @param updatePollMs Wait between two polls, in milliseconds.
 * @param random Source of jitter, 0 <= r < 1.
 * @returns A wait in milliseconds; all waits up to the longest are as likely.
 */
export function firstContactMs(
  spreadMs: number,
  updatePollMs: number,
  random: () => number,
): number {
  return Math.round(random() * Math.min(spreadMs, updatePollMs * PART_OF_INTERVAL));
}
