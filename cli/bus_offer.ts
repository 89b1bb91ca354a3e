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

/** What the daemon offers on the system's D-Bus, which can be switched on and off. */
export class BusOffer {
  readonly #context: CommandContext;
  readonly #services: readonly BusService[];
  #end: AbortController | undefined;
  #kept: Promise<void> = Promise.resolve();

  /** Nothing is offered yet. */
  constructor(context: CommandContext, services: readonly BusService[]) {
    this.#context = context;
    this.#services = services;
  }

  /** Switches it on or off. */
  enable(isOn: boolean): void {
    if (isOn === (this.#end !== undefined)) return;
    this.#end?.abort();
    this.#end = undefined;
    if (!isOn) return;
    const { drivers, logger } = this.#context;
    const { signal } = this.#end = new AbortController();
    const { clock, random } = drivers;
    const connect = (): Promise<BusConnection> => openBus(drivers, signal);
    this.#kept = this.#kept.then(() =>
      keepOnBus({ connect, services: this.#services, clock, random, logger, signal })
    );
  }

  /** Ends it; settles once the connection is closed. */
  async end(): Promise<void> {
    this.enable(false);
    await this.#kept;
  }
}

/** Takes Update Control Maps, as mender does; see {@link serveUpdateManager}. */
export function mapService(maps: LivePool): BusService {
  return {
    name: UPDATE_MANAGER.service,
    async serve(bus) {
      const take = (text: string): number => maps.set(parseControlMap(text));
      await serveUpdateManager(bus, take, { isPatient: true });
    },
  };
}

/** Offers the device's token, as mender does; see {@link serveAuthenticationManager}. */
export function tokenService(handler: AuthenticationHandler): BusService {
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
