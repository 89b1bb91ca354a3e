import type { ControlMap } from "../../lib/control/control_map.ts";
import {
  askPool,
  expireMaps,
  type MapPool,
  setMap,
  type Verdict,
} from "../../lib/control/map_pool.ts";
import type { Delivery, MapReceiver, ReceiverEvent } from "../../lib/control/map_receiver.ts";
import { BusError } from "../../lib/core/errors.ts";
import { type Clock, sleep } from "../../lib/runtime/clock.ts";
import { POINTS } from "./control_maps.ts";

/** What a call to a simulated client is up to. */
export type CallFault = "none" | "lost request" | "lost answer" | "hangs" | "error";

const HANG_MS = 5000;

/**
 * A Mender client behind a bus, both of which come and go: the pool is that of the library, which behaves
 * as the real client's does (tests/peers).
 */
export class SimulatedClient implements MapReceiver {
  /** What befalls the next call. */
  fault: () => CallFault = () => "none";
  /** How long a call takes. */
  latencyMs: () => number = () => 5;
  isUp = true;
  isBusUp = true;
  calls = 0;
  readonly #clock: Clock;
  readonly #lifeMs: number;
  readonly #listeners = new Set<(event: ReceiverEvent) => void>();
  #pool: MapPool = [];

  constructor(clock: Clock, lifeMs: number) {
    this.#clock = clock;
    this.#lifeMs = lifeMs;
  }

  async setMap(map: ControlMap, signal: AbortSignal): Promise<Delivery> {
    this.calls++;
    const fault = this.fault();
    await sleep(this.#clock, this.latencyMs(), signal);
    if (!this.isBusUp || !this.isUp) return { type: "unreachable", reason: gone() };
    if (fault === "error") return { type: "refused", reason: new BusError("bus.failed", "no") };
    if (fault !== "lost request") {
      this.#pool = setMap(this.maps, map, this.#clock.monotonic(), this.#lifeMs);
    }
    if (fault !== "none") {
      await sleep(this.#clock, fault === "hangs" ? HANG_MS : this.latencyMs(), signal);
      return { type: "unknown", reason: new BusError("bus.no-reply", "no answer") };
    }
    await sleep(this.#clock, this.latencyMs(), signal);
    return { type: "accepted", refreshMs: this.#lifeMs / 2 };
  }

  watch(listener: (event: ReceiverEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The maps as they stand. */
  get maps(): MapPool {
    return this.#pool = expireMaps(this.#pool, this.#clock.monotonic());
  }

  /** What an update would be told; it is not counted as asked. */
  get verdict(): Verdict {
    return askPool(this.maps, POINTS.install, this.#clock.monotonic()).verdict;
  }

  /** The client ends. */
  stop(): void {
    this.isUp = false;
    this.#tell({ type: "gone", reason: gone() });
  }

  /** The client starts, without the maps that it had; a bus that is down tells nobody. */
  start(): void {
    this.#pool = [];
    this.isUp = true;
    if (this.isBusUp) this.#tell({ type: "arrived" });
  }

  /** The bus is cut, or comes back without telling. */
  setBus(isUp: boolean): void {
    if (this.isBusUp && !isUp) this.#tell({ type: "gone", reason: gone() });
    this.isBusUp = isUp;
  }

  #tell(event: ReceiverEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function gone(): BusError {
  return new BusError("bus.service-unknown", "nobody is there");
}
