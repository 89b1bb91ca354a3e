import { BusError, messageOf } from "../core/errors.ts";
import { errnoOf } from "../runtime/files/file_driver.ts";
import { isLibraryError } from "./bus_library.ts";

const FREEDESKTOP = "org.freedesktop.DBus.Error.";

/**
 * Turns what goes wrong while connecting into a {@link BusError}: `bus.no-bus`, `bus.access-denied`,
 * `bus.not-permitted`, `bus.rejected`, `bus.no-reply`.
 */
export function connectFailure(address: string, error: unknown): BusError {
  if (error instanceof BusError) return error;
  const make = (code: string, why: string, hint: string): BusError =>
    new BusError(code, `Cannot reach the D-Bus at ${address}: ${why}`, { cause: error, hint });
  switch (errnoOf(error)) {
    case "ENOENT":
    case "ECONNREFUSED":
      return make(
        "bus.no-bus",
        "nobody listens there",
        "Is dbus-daemon running? DBUS_SYSTEM_BUS_ADDRESS names another bus",
      );
    case "EACCES":
    case "EPERM":
      return make("bus.access-denied", "permission denied", "Run as a user who may use its socket");
    case "ENOTCAPABLE": {
      const path = address.replace(/^unix:(path|abstract)=/, "");
      return make(
        "bus.not-permitted",
        messageOf(error),
        `Permit it with --allow-net=unix:${path} --allow-read=${path} --allow-write=${path} ` +
          "--allow-sys=uid",
      );
    }
    default:
      return make("bus.rejected", messageOf(error), "Is this the address of a D-Bus?");
  }
}

/**
 * Turns the failure of a call into a {@link BusError}.
 *
 * @param what What could not be done, as in "set the Update Control Map".
 * @param service Name of the called service.
 */
export function callFailure(what: string, service: string, error: unknown): BusError {
  if (error instanceof BusError) return error;
  const name = isLibraryError(error) ? error.type : "";
  const [code, why, hint] = reasonOf(name, service);
  const text = why ?? (name === "" ? messageOf(error) : `${messageOf(error)} (${name})`);
  return new BusError(code, `Cannot ${what}: ${text}`, {
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}

/** The connection ended while something was waited for. */
export function lostFailure(what: string, cause?: unknown): BusError {
  return new BusError("bus.disconnected", `Cannot ${what}: the connection to the D-Bus was lost`, {
    cause,
    hint: "Was dbus-daemon restarted?",
  });
}

/** Nobody answered in time. */
export function silenceFailure(what: string, limitMs: number): BusError {
  return new BusError(
    "bus.no-reply",
    `Cannot ${what}: no answer within ${limitMs / 1000} seconds`,
    { hint: "Is the called program busy or stopped?" },
  );
}

function reasonOf(name: string, service: string): [code: string, why?: string, hint?: string] {
  const short = name.startsWith(FREEDESKTOP) ? name.slice(FREEDESKTOP.length) : name;
  switch (short) {
    case "ServiceUnknown":
    case "NameHasNoOwner":
      return ["bus.service-unknown", `nobody offers ${service} on this D-Bus`, adviceOn(service)];
    case "AccessDenied":
      return [
        "bus.access-denied",
        `this user may not call ${service}`,
        `Run as root, or allow the user in /usr/share/dbus-1/system.d/${service}.conf`,
      ];
    case "NoReply":
    case "Timeout":
    case "TimedOut":
      return ["bus.no-reply", "no answer: the called program has ended, or is too slow"];
    case "Disconnected":
      return ["bus.disconnected", "the connection to the D-Bus was lost"];
    case "UnknownMethod":
    case "UnknownObject":
    case "UnknownInterface":
    case "InvalidArgs":
      return ["bus.unknown-method", undefined, `Whoever owns ${service} is no Mender client`];
    case "io.mender.Failed":
    case "Failed":
      return ["bus.failed", undefined, "The log of the called program tells more"];
    default:
      return ["bus.failed"];
  }
}

function adviceOn(service: string): string {
  return service === "io.mender.UpdateManager"
    ? "Is a Mender client running, 2.7 or newer and below 4, with D-Bus switched on?"
    : "Is the Mender client running, with D-Bus switched on?";
}
