import type { SignalDriver } from "../lib/runtime/drivers.ts";

/** Signals that ask a program to end. */
export type EndingSignal = "SIGHUP" | "SIGINT" | "SIGTERM";

/** Why a command ended: a signal asked for it. */
export class Interrupted extends Error {
  /** The signal. */
  readonly signal: EndingSignal;

  /** Notes the signal. */
  constructor(signal: EndingSignal) {
    super(`Interrupted by ${signal}`);
    this.name = "Interrupted";
    this.signal = signal;
  }
}

/** What ends a command early. */
export interface Interruption {
  /** Aborted, with {@link Interrupted}, when a person or the system ends the program. */
  readonly signal: AbortSignal;
  /** From now on the program outlives the terminal that it was started from: SIGHUP is ignored. */
  readonly outliveTerminal: () => void;
}

/** Listens to the signals that end a program. */
export function interruption(signals: SignalDriver): Interruption {
  const controller = new AbortController();
  const [stopHangups] = (["SIGHUP", "SIGINT", "SIGTERM"] as const).map((name) =>
    signals.on(name, () => controller.abort(new Interrupted(name)))
  );
  return { signal: controller.signal, outliveTerminal: () => stopHangups?.() };
}
