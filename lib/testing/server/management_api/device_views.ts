import type { JsonObject } from "../../../core/json.ts";
import type { DeviceStatus } from "../records/device_registry.ts";
import type { DeviceRecord } from "../records/state.ts";
import { timeText } from "../time_text.ts";

/** A device as device authentication shows it. */
export function deviceView(device: DeviceRecord, status: DeviceStatus): JsonObject {
  return {
    id: device.id,
    identity_data: device.identity,
    status,
    created_ts: timeText(device.createdAt),
    updated_ts: timeText(device.updatedAt),
    auth_sets: device.authSets.map((set) => ({
      id: set.id,
      pubkey: set.pubkey,
      identity_data: device.identity,
      status: set.status,
      ts: timeText(set.createdAt),
    })),
    decommissioning: false,
  };
}

/** A device as inventory shows it: what it sent, and what the server knows of it. */
export function inventoryView(device: DeviceRecord, status: DeviceStatus): JsonObject {
  const updated = timeText(device.inventoryAt ?? device.updatedAt);
  const known = (name: string, value: unknown, scope: string): JsonObject => ({
    name,
    value,
    scope,
  });
  return {
    id: device.id,
    updated_ts: updated,
    attributes: [
      ...device.inventory.map((attribute) => ({ ...attribute, scope: "inventory" })),
      ...Object.entries(device.identity).map(([name, value]) => known(name, value, "identity")),
      known("status", status, "identity"),
      known("created_ts", timeText(device.createdAt), "system"),
      known("updated_ts", updated, "system"),
      ...(device.group === undefined ? [] : [known("group", device.group, "system")]),
    ],
  };
}
