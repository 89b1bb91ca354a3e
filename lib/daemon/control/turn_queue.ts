import { ControlError } from "../../core/errors.ts";

interface Turn {
  readonly take: () => Promise<void>;
  readonly refuse: (error: ControlError) => void;
}

/** Work that others want done, until the one who does everything has time for it. */
export class TurnQueue {
  readonly #turns: Turn[] = [];
  #isClosed = false;

  /**
   * Adds some work.
   *
   * @returns Its result.
   * @throws {ControlError} `control.ending`: nobody will do it any more.
   */
  add<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#isClosed) return reject(ending());
      this.#turns.push({ take: () => work().then(resolve, reject), refuse: reject });
    });
  }

  /** Does all that has been added. */
  async serve(): Promise<void> {
    for (let turn = this.#turns.shift(); turn !== undefined; turn = this.#turns.shift()) {
      await turn.take();
    }
  }

  /** Refuses what is left, and what comes. */
  close(): void {
    this.#isClosed = true;
    for (const { refuse } of this.#turns.splice(0)) refuse(ending());
  }
}

function ending(): ControlError {
  return new ControlError("control.ending", "The daemon is ending");
}
