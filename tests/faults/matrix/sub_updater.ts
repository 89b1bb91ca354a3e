import { existsSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Life } from "./life.ts";

/** What a sub-updater does once it was started. */
export type Behaviour =
  | "reports success"
  | "leaves the lock"
  | "reports failure"
  | "does nothing";

/**
 * The part of the sub-updater that talks to the client: it waits for the script to have been started,
 * and calls `report` as a script would, in this process.
 */
export class SubUpdater {
  readonly #life: Life;
  readonly #ended: Promise<void>;
  #behaviour: Behaviour = "reports success";
  #isOver = false;
  #starts = 0;
  /** What went wrong in a report; told by the next row. */
  failure: unknown;

  /** Waits for starts from now on. */
  constructor(life: Life) {
    this.#life = life;
    this.#ended = this.#work().catch((error) => void (this.failure = error));
  }

  /** How often it was started. */
  get starts(): number {
    return this.#starts;
  }

  /** What it does from now on. */
  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour;
  }

  /** Waits for no start any more. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#ended;
  }

  async #work(): Promise<void> {
    const { rig } = this.#life;
    while (!this.#isOver) {
      await delay(5);
      if (rig.installed().length === this.#starts || !existsSync(rig.paths.lock)) continue;
      this.#starts++;
      await this.#report();
    }
  }

  async #report(): Promise<void> {
    const { rig } = this.#life;
    if (this.#behaviour === "does nothing") return;
    const outcome = this.#behaviour === "reports failure" ? "--failure" : "--success";
    for (let attempt = 0; attempt < 5 && !this.#isOver; attempt++) {
      const code = await this.#life.run("report", outcome);
      // With 3 the daemon delivers it, and removes the lock then; with 1 it is not even recorded.
      if (code === 0 && this.#behaviour !== "leaves the lock") {
        rmSync(rig.paths.lock, { force: true });
      }
      if (code !== 1) return;
    }
  }
}
