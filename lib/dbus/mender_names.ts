import type { BusMethod } from "./bus_connection.ts";

/**
 * Names and members of Mender's services on the system bus.
 *
 * @see contracts/dbus.md section 1 and section 2
 * @module
 */

/** Takes Update Control Maps; offered by mender 2.7 to 3.5, not by version 4. */
export const UPDATE_MANAGER = {
  service: "io.mender.UpdateManager",
  path: "/io/mender/UpdateManager",
  interface: "io.mender.Update1",
} as const;

/** Hands out the device's token; offered by mender 2.5 and newer. */
export const AUTHENTICATION_MANAGER = {
  service: "io.mender.AuthenticationManager",
  path: "/io/mender/AuthenticationManager",
  interface: "io.mender.Authentication1",
} as const;

/** `SetUpdateControlMap(s) -> i`: takes a map, answers with the seconds until its half-time. */
export const SET_UPDATE_CONTROL_MAP: BusMethod = {
  ...UPDATE_MANAGER,
  member: "SetUpdateControlMap",
};

/** `GetJwtToken() -> ss`: token and server address, both empty while the device is not accepted. */
export const GET_JWT_TOKEN: BusMethod = { ...AUTHENTICATION_MANAGER, member: "GetJwtToken" };

/** `FetchJwtToken() -> b`: asks for a new token; the signal tells the result. */
export const FETCH_JWT_TOKEN: BusMethod = { ...AUTHENTICATION_MANAGER, member: "FetchJwtToken" };

/** Signal `JwtTokenStateChange(ss)`: sent after every attempt to get a token. */
export const JWT_TOKEN_STATE_CHANGE: BusMethod = {
  ...AUTHENTICATION_MANAGER,
  member: "JwtTokenStateChange",
};

/** Error by which mender answers everything that it refuses. */
export const FAILED_ERROR = "io.mender.Failed";
