import { type Logger, silentLogger } from "../core/logger.ts";
import { type BusConnection, NAME_FLAGS } from "./bus_connection.ts";
import { serveObject } from "./bus_object.ts";
import { FAILED_ERROR, UPDATE_MANAGER } from "./mender_names.ts";

/**
 * Takes an Update Control Map, as JSON text, and gives the seconds within which it has to be set again.
 * The message of what it throws is told to the caller.
 */
export type MapHandler = (mapText: string) => number | Promise<number>;

/** Options of {@link serveUpdateManager}. */
export interface UpdateManagerServiceOptions {
  /** Told when the name is lost to another program, and when it is ours again. */
  readonly logger?: Logger;
}

/**
 * Offers `io.mender.UpdateManager` on a connection, for as long as it lives.
 *
 * Like mender, it takes the name from a client that runs already, and gives way to one that asks later;
 * then it waits for its turn. Other than mender, it tells callers why a map was refused; the name of the
 * error is mender's.
 *
 * @returns Whether the name is ours at once.
 * @throws {BusError} `bus.access-denied`: this user may not own the name.
 * @see contracts/dbus.md §2 and §6
 */
export async function serveUpdateManager(
  bus: BusConnection,
  handler: MapHandler,
  options: UpdateManagerServiceOptions = {},
): Promise<boolean> {
  const { logger = silentLogger } = options;
  const { service } = UPDATE_MANAGER;
  // From now on: a first call may come together with the answer that the name is ours.
  let isOwner = true;
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
  }, () => isOwner);
  const flags = NAME_FLAGS.allowReplacement + NAME_FLAGS.replaceExisting;
  isOwner = await bus.requestName(service, flags);
  await bus.watchName(service, `watch the D-Bus name ${service}`, (owner) => {
    const isOwnerNow = owner === bus.uniqueName;
    if (isOwner && !isOwnerNow) {
      logger.log("warning", `Another program took over the D-Bus name ${service}`, { owner });
    } else if (!isOwner && isOwnerNow) {
      logger.log("info", `The D-Bus name ${service} is ours again`);
    }
    isOwner = isOwnerNow;
  });
  return isOwner;
}
