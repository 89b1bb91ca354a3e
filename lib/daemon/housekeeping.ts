import type { Thoroughness } from "../runtime/collect_garbage.ts";

/**
 * Polls between two collections. Each leaves some 7 kB that no small collection finds (what the runtime's
 * `fetch` notes for signals), and the engine would let them become several megabytes first.
 */
const POLLS = 256;

/** Keeps a daemon that polls for months as small as it was in its first hour. */
export class Housekeeping {
  readonly #collect: (what: Thoroughness) => void;
  #hasWorked = true;
  #polls = 0;

  /** Calls `collect` when there is something to collect. */
  constructor(collect: (what: Thoroughness) => void) {
    this.#collect = collect;
  }

  /** More was done than to poll, and may have left more. */
  worked(): void {
    this.#hasWorked = true;
  }

  /** Called before each wait for the next poll. */
  rest(): void {
    if (!this.#hasWorked && ++this.#polls < POLLS) return;
    this.#collect(this.#hasWorked ? "all" : "garbage");
    this.#hasWorked = false;
    this.#polls = 0;
  }
}
