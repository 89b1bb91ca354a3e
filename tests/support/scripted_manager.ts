import { BusConnection } from "../../lib/dbus/bus_connection.ts";
import { type MapHandler, serveUpdateManager } from "../../lib/dbus/update_manager_service.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";

/** A client of a test that offers `io.mender.UpdateManager` on a bus, and notes what it was given. */
export class ScriptedManager {
  /** Texts of the maps in their order. */
  readonly texts: string[] = [];
  readonly #bus: BusConnection;

  private constructor(bus: BusConnection) {
    this.#bus = bus;
  }

  /** Starts it; `handler` answers, 30 s when absent. */
  static async start(address: string, handler: MapHandler = () => 30): Promise<ScriptedManager> {
    const bus = await BusConnection.open(address, { clock: systemClock });
    const manager = new ScriptedManager(bus);
    await serveUpdateManager(bus, (text) => {
      manager.texts.push(text);
      return handler(text);
    });
    return manager;
  }

  /** Ends it; its name is free then. */
  async stop(): Promise<void> {
    this.#bus.close();
    await this.#bus.lost;
  }
}
