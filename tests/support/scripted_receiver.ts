import type { ControlMap } from "../../lib/control/control_map.ts";
import type { Delivery, MapReceiver, ReceiverEvent } from "../../lib/control/map_receiver.ts";
import { BusError } from "../../lib/core/errors.ts";

/** How a scripted delivery ends. */
export type ScriptedDelivery = Delivery | Promise<Delivery> | "never" | "throws";

/** A receiver that does what a test says, and notes what it was given. */
export class ScriptedReceiver implements MapReceiver {
  /** Maps in their order. */
  readonly maps: ControlMap[] = [];
  /** What the next calls do, in their order; then {@link usual}. */
  readonly script: ScriptedDelivery[] = [];
  /** What all other calls do. */
  usual: ScriptedDelivery = accepted(30_000);
  readonly #listeners = new Set<(event: ReceiverEvent) => void>();

  setMap(map: ControlMap, signal: AbortSignal): Promise<Delivery> {
    this.maps.push(map);
    const next = this.script.shift() ?? this.usual;
    if (next === "throws") return Promise.reject(new Error("it has burst"));
    return new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      if (next !== "never") void Promise.resolve(next).then(resolve);
    });
  }

  watch(listener: (event: ReceiverEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tells everybody who watches. */
  tell(event: ReceiverEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Whether anybody watches. */
  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }
}

/** A delivery that went well. */
export function accepted(refreshMs: number): Delivery {
  return { type: "accepted", refreshMs };
}

/** A delivery that went wrong. */
export function failed(
  type: "refused" | "unreachable" | "unknown",
  code = `bus.${type}`,
): Delivery {
  return { type, reason: new BusError(code, `It is ${type}`) };
}
