import type { DeploymentRecord } from "../store/deployment_record.ts";

/** A longer gap between two looks was no wait that anybody observed, but a machine that stood still. */
const LONGEST_GAP_MS = 60_000;
const SHORTEST_STORE_MS = 1000;
const LONGEST_STORE_MS = 600_000;

/**
 * Counts how long an outcome is waited for: the time between looks, on a monotonic clock, added to what
 * the record says of earlier processes and boots. The wall clock plays no part.
 */
export class WaitMeter {
  readonly #limitMs: number;
  #id: string | undefined;
  #lookedAtMs = 0;
  #waitedMs = 0;

  /** Makes a meter; `limitMs` is the longest wait that matters, 0 = none. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /**
   * Takes a look.
   *
   * @param nowMs On a monotonic clock.
   * @returns How long the deployment was waited for, all in all, in milliseconds.
   */
  look(record: DeploymentRecord | undefined, nowMs: number): number {
    if (record === undefined || record.phase !== "handed_over") {
      this.#id = undefined;
      return 0;
    }
    if (record.id !== this.#id) {
      this.#id = record.id;
      this.#waitedMs = record.waitedMs ?? 0;
    } else this.#waitedMs += Math.min(Math.max(nowMs - this.#lookedAtMs, 0), LONGEST_GAP_MS);
    this.#lookedAtMs = nowMs;
    return Math.round(this.#waitedMs);
  }

  /**
   * Whether so much was counted since the record was stored that it is worth a write: a hundredth of the
   * limit, to spare the flash.
   */
  isWorthStoring(record: DeploymentRecord): boolean {
    if (this.#limitMs === 0) return false;
    const step = Math.min(Math.max(this.#limitMs / 100, SHORTEST_STORE_MS), LONGEST_STORE_MS);
    return this.#waitedMs - (record.waitedMs ?? 0) >= step;
  }
}
