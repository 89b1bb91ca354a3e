import type { LivePool } from "../lib/control/live_pool.ts";
import { BusError } from "../lib/core/errors.ts";
import type { BusConnection } from "../lib/dbus/bus_connection.ts";
import { keepOnBus } from "../lib/daemon/keep_on_bus.ts";
import { systemBusAddress } from "../lib/dbus/bus_address.ts";
import type { CommandContext } from "./command_context.ts";

/**
 * Offers the services of a Mender client on the system bus, over restarts of the bus, until `signal` is
 * aborted. The D-Bus library, which takes some MiB of memory, is loaded once there is a bus.
 */
export async function serveOnBus(
  { drivers, logger }: CommandContext,
  maps: LivePool,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, files, self } = drivers;
  let address: string;
  try {
    address = systemBusAddress(self.env("DBUS_SYSTEM_BUS_ADDRESS"));
  } catch (error) {
    logger.log("warning", "Nothing is offered on the D-Bus", {}, error);
    return;
  }
  const socket = /^unix:path=(.*)$/.exec(address)?.[1];
  await keepOnBus({
    clock,
    random,
    logger,
    signal,
    services: [{
      name: "io.mender.UpdateManager",
      serve: async (bus: BusConnection) => {
        const { serveUpdateMaps } = await import("../lib/daemon/update_manager.ts");
        await serveUpdateMaps(bus, maps);
      },
    }],
    connect: async (signal) => {
      if (socket !== undefined && files.stat(socket) === undefined) {
        throw new BusError("bus.no-bus", `Cannot reach the D-Bus: there is no ${socket}`);
      }
      const { BusConnection } = await import("../lib/dbus/bus_connection.ts");
      return await BusConnection.open(address, { clock, signal });
    },
  });
}
