import { parseControlMap } from "../lib/control/control_map_json.ts";
import type { LivePool } from "../lib/control/live_pool.ts";
import { BusError } from "../lib/core/errors.ts";
import { type BusService, keepOnBus } from "../lib/daemon/keep_on_bus.ts";
import {
  type AuthenticationHandler,
  BusConnection,
  serveAuthenticationManager,
  serveUpdateManager,
  systemBusAddress,
} from "../lib/dbus/mod.ts";
import { AUTHENTICATION_MANAGER, UPDATE_MANAGER } from "../lib/dbus/mender_names.ts";
import type { Drivers } from "../lib/runtime/drivers.ts";
import { errnoOf } from "../lib/runtime/files/file_driver.ts";
import type { CommandContext } from "./command_context.ts";

/** What the daemon offers on the bus. */
export interface BusOffers {
  /** Takes maps, as mender's UpdateManager does. */
  readonly maps: LivePool;
  /** Gives tokens, as mender's AuthenticationManager does. */
  readonly token: AuthenticationHandler;
}

/** Offers everything on the system's bus until `signal` is aborted; settles once the connection is closed. */
export async function keepServices(
  { drivers, logger }: CommandContext,
  { maps, token }: BusOffers,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random } = drivers;
  const connect = (): Promise<BusConnection> => openBus(drivers, signal);
  const services = [mapService(maps), tokenService(token)];
  await keepOnBus({ connect, services, clock, random, logger, signal });
}

/** Takes Update Control Maps, as mender does; see {@link serveUpdateManager}. */
function mapService(maps: LivePool): BusService {
  return {
    name: UPDATE_MANAGER.service,
    async serve(bus) {
      const take = (text: string): number => maps.set(parseControlMap(text));
      await serveUpdateManager(bus, take, { isPatient: true });
    },
  };
}

/** Offers the device's token, as mender does; see {@link serveAuthenticationManager}. */
function tokenService(handler: AuthenticationHandler): BusService {
  return {
    name: AUTHENTICATION_MANAGER.service,
    async serve(bus) {
      await serveAuthenticationManager(bus, handler, { isPatient: true });
    },
  };
}

/** Opens the system bus. Where there is none, the library that speaks to it is not even loaded. */
async function openBus(
  { clock, files, self }: Pick<Drivers, "clock" | "files" | "self">,
  signal: AbortSignal,
): Promise<BusConnection> {
  const address = systemBusAddress(self.env("DBUS_SYSTEM_BUS_ADDRESS"));
  const path = /^unix:path=(.*)$/.exec(address)?.[1];
  if (path !== undefined && isMissing(files, path)) {
    throw new BusError("bus.no-bus", `Cannot reach the D-Bus at ${address}: there is none`);
  }
  return await BusConnection.open(address, { clock, signal });
}

function isMissing(files: Drivers["files"], path: string): boolean {
  try {
    return files.stat(path) === undefined;
  } catch (error) {
    // Who opens it tells which right is missing.
    if (errnoOf(error) === "ENOTCAPABLE") return false;
    throw error;
  }
}
