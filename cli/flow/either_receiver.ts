import type { ControlMap } from "../../lib/control/control_map.ts";
import type { Delivery, MapReceiver, ReceiverEvent } from "../../lib/control/map_receiver.ts";

/** A receiver that is closed by whoever has opened it. */
export interface ClosableReceiver extends MapReceiver {
  close(): Promise<void>;
}

/** Two ways to whoever carries out updates here: the second is taken while the first leads to nobody. */
export class EitherReceiver implements ClosableReceiver {
  readonly #first: ClosableReceiver;
  readonly #openSecond: () => Promise<MapReceiver | undefined>;

  /**
   * @param openSecond Opens what has nothing to be closed, or gives nothing; called when it is needed.
   */
  constructor(first: ClosableReceiver, openSecond: () => Promise<MapReceiver | undefined>) {
    this.#first = first;
    this.#openSecond = openSecond;
  }

  /** Sets a map; when neither leads to anybody, the reason is that of the first. */
  async setMap(map: ControlMap, signal: AbortSignal): Promise<Delivery> {
    const delivery = await this.#first.setMap(map, signal);
    if (delivery.type !== "unreachable") return delivery;
    const receiver = await this.#openSecond();
    const second = await receiver?.setMap(map, signal);
    return second === undefined || second.type === "unreachable" ? delivery : second;
  }

  /** Tells what happens to the first; the second is silent. */
  watch(listener: (event: ReceiverEvent) => void): () => void {
    return this.#first.watch(listener);
  }

  /** Closes the first. */
  close(): Promise<void> {
    return this.#first.close();
  }
}
