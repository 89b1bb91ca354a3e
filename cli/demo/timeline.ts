import type { Drivers } from "../../lib/runtime/drivers.ts";
import { bar } from "../progress.ts";

/** Who does something in the demo. */
export type Actor = "server" | "operator" | "device" | "updater" | "demo";

/**
 * What the demo shows: one line per event with the time since the start and who acts; progress as a bar
 * that is redrawn on a terminal, as lines elsewhere.
 */
export class Timeline {
  readonly #drivers: Drivers;
  readonly #startMs: number;
  readonly #columns: number | undefined;
  #isBarOpen = false;
  #toldQuarter = -1;

  /** Starts the clock. */
  constructor(drivers: Drivers) {
    this.#drivers = drivers;
    this.#startMs = drivers.clock.monotonic();
    this.#columns = drivers.self.terminalColumns("stdout");
  }

  /** Seconds since the start. */
  get elapsedSeconds(): number {
    return (this.#drivers.clock.monotonic() - this.#startMs) / 1000;
  }

  /** Tells one event. */
  tell(actor: Actor, text: string): void {
    this.#closeBar();
    this.#drivers.self.writeOut(`${this.#prefix(actor)}${text}\n`);
  }

  /** Tells how far a download is. */
  progress(done: number, total: number): void {
    if (this.#columns === undefined) {
      const quarter = Math.floor((done / total) * 4);
      if (quarter <= this.#toldQuarter) return;
      this.#toldQuarter = quarter;
      this.tell("device", `downloading ${bar(done, total, 0).trim()}`);
      return;
    }
    this.#isBarOpen = true;
    const prefix = this.#prefix("device");
    this.#drivers.self.writeOut(`\r${prefix}${bar(done, total, this.#columns - prefix.length)}`);
  }

  #prefix(actor: Actor): string {
    return `${this.elapsedSeconds.toFixed(1).padStart(5)} s  ${actor.padEnd(8)}  `;
  }

  #closeBar(): void {
    if (this.#isBarOpen) this.#drivers.self.writeOut("\n");
    this.#isBarOpen = false;
  }
}
