import { parseControlMap } from "../control/control_map_json.ts";
import type { LivePool } from "../control/live_pool.ts";
import type { BusConnection } from "../dbus/bus_connection.ts";
import { serveUpdateManager } from "../dbus/update_manager_service.ts";

/**
 * Offers `io.mender.UpdateManager`: other programs set Update Control Maps, as they would with mender 3.x.
 *
 * @throws {BusError} `bus.access-denied`.
 */
export async function serveUpdateMaps(bus: BusConnection, maps: LivePool): Promise<void> {
  await serveUpdateManager(bus, (text) => maps.set(parseControlMap(text)), { isPatient: true });
}
