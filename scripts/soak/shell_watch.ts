import { setTimeout as delay } from "node:timers/promises";
import {
  commandLineOf,
  membersOf,
  processesWith,
  sessionOf,
} from "../../tests/support/processes.ts";

const LOOK_EVERY_MS = 1000;

/** Looks whether the shells of a device end, with everything that runs in them, when they have to. */
export class ShellWatch {
  readonly wrongs: string[] = [];
  /** Shells that were seen to have ended. */
  ended = 0;
  readonly #mark: string;
  readonly #due = new Map<number, { readonly why: string; readonly limitAt: number }>();

  /** Of the device whose shells have this variable in their environment. */
  constructor(mark: string) {
    this.#mark = mark;
  }

  /** Sessions of which processes run now. */
  sessions(): Set<number> {
    return new Set(processesWith(this.#mark).flatMap((pid) => sessionOf(pid) ?? []));
  }

  /** The session of a shell has to be gone some time from now; of two times the earlier one counts. */
  expectEnd(session: number, withinMs: number, why: string): void {
    const limitAt = performance.now() + withinMs;
    if (limitAt < (this.#due.get(session)?.limitAt ?? Infinity)) {
      this.#due.set(session, { why, limitAt });
    }
  }

  /** All that runs now has to be gone some time from now. */
  expectAllEnd(withinMs: number, why: string): void {
    for (const session of this.sessions()) this.expectEnd(session, withinMs, why);
  }

  /** Looks every second, until `isOver` says so and nothing is due any more. */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver() || this.#due.size > 0) {
      await delay(LOOK_EVERY_MS);
      if (this.#due.size === 0) continue;
      const sessions = this.sessions();
      for (const [session, { why, limitAt }] of this.#due) {
        const isLeft = sessions.has(session);
        if (isLeft && performance.now() < limitAt) continue;
        this.#due.delete(session);
        if (!isLeft) this.ended++;
        else {
          const left = membersOf(session).map((pid) => commandLineOf(pid).replaceAll("\0", " "));
          this.wrongs.push(`a shell outlived its session: ${why}; left: ${left.join(", ")}`);
        }
      }
    }
  }
}
