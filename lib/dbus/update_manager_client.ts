import { BusError } from "../core/errors.ts";
import type { BusConnection } from "./bus_connection.ts";
import { SET_UPDATE_CONTROL_MAP, UPDATE_MANAGER } from "./mender_names.ts";

const WHAT = "set the Update Control Map";

/** `io.mender.UpdateManager` as its callers see it. */
export class UpdateManagerClient {
  readonly #bus: BusConnection;

  /** Talks over a connection, which stays with its owner. */
  constructor(bus: BusConnection) {
    this.#bus = bus;
  }

  /**
   * Hands an Update Control Map over.
   *
   * @param text The map as JSON.
   * @returns Seconds within which it has to be set again; half of its life.
   * @throws {BusError} See {@link BusConnection.call}; `bus.failed` when the map is refused.
   */
  async setUpdateControlMap(
    text: string,
    options: { readonly limitMs?: number; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<number> {
    const [seconds] = await this.#bus.call(SET_UPDATE_CONTROL_MAP, {
      ...options,
      what: WHAT,
      signature: "s",
      body: [text],
    });
    if (typeof seconds === "number" && Number.isInteger(seconds)) return seconds;
    throw new BusError("bus.bad-answer", `Cannot ${WHAT}: the answer is no number`, {
      hint: `Whoever owns ${UPDATE_MANAGER.service} is no Mender client`,
    });
  }

  /** Tells whether a client is there: at the beginning, then at each start, end and change of it. */
  watchPresence(listener: (owner: string | undefined) => void): Promise<void> {
    return this.#bus.watchName(UPDATE_MANAGER.service, "watch the Mender client", listener);
  }
}
