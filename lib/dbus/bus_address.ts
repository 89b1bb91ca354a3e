import { BusError } from "../core/errors.ts";

/** Where the system bus is when nothing else is said. */
export const SYSTEM_BUS_ADDRESS = "unix:path=/run/dbus/system_bus_socket";

/**
 * The address of the system bus: `DBUS_SYSTEM_BUS_ADDRESS`, or the usual one. Of several, the first Unix
 * socket is taken.
 *
 * @param configured The variable's value; empty means that it is not set.
 * @throws {BusError} `bus.bad-address`: no address of a Unix socket. Other kinds, one of which would start
 * a program, are not followed.
 */
export function systemBusAddress(configured: string | undefined): string {
  if (configured === undefined || configured.trim() === "") return SYSTEM_BUS_ADDRESS;
  for (const address of configured.split(";")) {
    const path = /^unix:(?:[^,]*,)*?(path|abstract)=([^,%]+)(?:,|$)/.exec(address.trim());
    if (path !== null) return `unix:${path[1]}=${path[2]}`;
  }
  throw new BusError(
    "bus.bad-address",
    `Cannot use the D-Bus address ${JSON.stringify(configured.slice(0, 120))}: ` +
      "wanted unix:path=\u2026 or unix:abstract=\u2026",
    { retry: "never", hint: "Set DBUS_SYSTEM_BUS_ADDRESS, or unset it for the usual bus" },
  );
}
