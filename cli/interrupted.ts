import type { SignalDriver } from "../lib/runtime/drivers.ts";

/** Why a command ended: a signal asked for it. */
export class Interrupted extends Error {
  /** The signal. */
  readonly signal: "SIGINT" | "SIGTERM";

  /** Notes the signal. */
  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`Interrupted by ${signal}`);
    this.name = "Interrupted";
    this.signal = signal;
  }
}

/** A signal that is aborted, with {@link Interrupted}, when a person or the system ends the program. */
export function interruption(signals: SignalDriver): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    signals.on(name, () => controller.abort(new Interrupted(name)));
  }
  return controller.signal;
}
