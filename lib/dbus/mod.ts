/**
 * D-Bus: connections with deadlines, and Mender's services on the system bus, from both sides. Reconnecting
 * is left to whoever uses a connection; what is said over it, to others.
 *
 * @module
 */
export { AuthenticationManagerClient, type JwtToken } from "./authentication_manager_client.ts";
export {
  type AuthenticationHandler,
  serveAuthenticationManager,
} from "./authentication_manager_service.ts";
export { SYSTEM_BUS_ADDRESS, systemBusAddress } from "./bus_address.ts";
export { BusConnection, type ConnectOptions } from "./bus_connection.ts";
export { UpdateManagerClient } from "./update_manager_client.ts";
export {
  type MapHandler,
  serveUpdateManager,
  type UpdateManagerServiceOptions,
} from "./update_manager_service.ts";
