import type { BusConnection } from "./bus_connection.ts";
import { serveObject } from "./bus_object.ts";
import { FAILED_ERROR, UPDATE_MANAGER } from "./mender_names.ts";
import { type NameOptions, OwnedName } from "./owned_name.ts";

/**
 * Takes an Update Control Map, as JSON text, and gives the seconds within which it has to be set again.
 * The message of what it throws is told to the caller.
 */
export type MapHandler = (mapText: string) => number | Promise<number>;

/** Options of {@link serveUpdateManager}. */
export type UpdateManagerServiceOptions = NameOptions;

/**
 * Offers `io.mender.UpdateManager` on a connection, for as long as it lives.
 *
 * Like mender, it takes the name from a client that runs already, unless it is patient, and gives way to
 * one that asks later; then it waits for its turn. Other than mender, it tells callers why a map was
 * refused; the name of the error is mender's.
 *
 * @returns Whether the name is ours at once.
 * @throws {BusError} `bus.access-denied`: this user may not own the name.
 * @see contracts/dbus.md section 2 and section 6
 */
export function serveUpdateManager(
  bus: BusConnection,
  handler: MapHandler,
  options: UpdateManagerServiceOptions = {},
): Promise<boolean> {
  const name = new OwnedName(bus, UPDATE_MANAGER.service);
  serveObject(bus, {
    path: UPDATE_MANAGER.path,
    interface: UPDATE_MANAGER.interface,
    errorName: FAILED_ERROR,
    methods: {
      SetUpdateControlMap: {
        takes: { update_control_map: "s" },
        answers: { refresh_timeout: "i" },
        run: async ([text]) => [await handler(String(text))],
      },
    },
  }, () => name.isOurs);
  return name.request(options);
}
