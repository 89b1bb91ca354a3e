import type { ControlMap } from "../control/control_map.ts";
import { controlMapText } from "../control/control_map_json.ts";
import type { Delivery, MapReceiver, ReceiverEvent } from "../control/map_receiver.ts";
import { BusError, isMenderError, type MenderError } from "../core/errors.ts";
import { BusConnection } from "../dbus/bus_connection.ts";
import { UpdateManagerClient } from "../dbus/update_manager_client.ts";
import type { Clock } from "../runtime/clock.ts";

/** A connection that is alive, as far as is known. */
interface Link {
  readonly bus: BusConnection;
  readonly client: UpdateManagerClient;
}

/** What a {@link BusMapReceiver} works with. */
export interface BusMapReceiverOptions {
  /** Address of the system bus; see `systemBusAddress()`. */
  readonly address: string;
  /** Time. */
  readonly clock: Clock;
}

/** The answer was no, or came from somebody who cannot take maps. */
const REFUSALS = ["bus.access-denied", "bus.failed", "bus.unknown-method", "bus.bad-answer"];

/**
 * A Mender client at the other end of the system bus. The connection is made when it is needed, and made
 * anew by the next call after it was lost.
 */
export class BusMapReceiver implements MapReceiver {
  readonly #address: string;
  readonly #clock: Clock;
  readonly #listeners = new Set<(event: ReceiverEvent) => void>();
  #link: Link | undefined;
  #isClosed = false;

  /** Connects to nothing yet. */
  constructor(options: BusMapReceiverOptions) {
    this.#address = options.address;
    this.#clock = options.clock;
  }

  /** Sets a map; see {@link MapReceiver.setMap}. */
  async setMap(map: ControlMap, signal: AbortSignal): Promise<Delivery> {
    let link: Link;
    try {
      link = this.#link ?? await this.#open(signal);
    } catch (error) {
      if (!isMenderError(error, "bus.")) throw error;
      return { type: "unreachable", reason: error };
    }
    try {
      const seconds = await link.client.setUpdateControlMap(controlMapText(map), { signal });
      return { type: "accepted", refreshMs: seconds * 1000 };
    } catch (error) {
      if (!isMenderError(error, "bus.")) throw error;
      return { type: typeOf(error), reason: error };
    }
  }

  /** Tells when the client starts and ends, and when the bus is lost. */
  watch(listener: (event: ReceiverEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const link = this.#link;
    this.#link = undefined;
    link?.bus.close();
    await link?.bus.lost;
  }

  async #open(signal: AbortSignal): Promise<Link> {
    const bus = await BusConnection.open(this.#address, { clock: this.#clock, signal });
    const client = new UpdateManagerClient(bus);
    let isFirst = true;
    try {
      await client.watchPresence((owner) => {
        // Who is there from the start is about to be called anyway.
        if (!isFirst) this.#tell(owner === undefined ? gone() : { type: "arrived" });
        isFirst = false;
      });
      signal.throwIfAborted();
      if (this.#isClosed) throw new BusError("bus.disconnected", "Cannot connect: it is closed");
    } catch (error) {
      bus.close();
      throw error;
    }
    const link = { bus, client };
    this.#link = link;
    void bus.lost.then((reason) => {
      if (this.#link !== link) return;
      this.#link = undefined;
      this.#tell({ type: "gone", reason });
    });
    return link;
  }

  #tell(event: ReceiverEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function typeOf({ code }: MenderError): "refused" | "unreachable" | "unknown" {
  if (REFUSALS.includes(code)) return "refused";
  return code === "bus.service-unknown" ? "unreachable" : "unknown";
}

function gone(): ReceiverEvent {
  return {
    type: "gone",
    reason: new BusError("bus.service-unknown", "The Mender client has left the D-Bus", {
      hint: "The map is set again as soon as it is back",
    }),
  };
}
