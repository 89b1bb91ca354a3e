import type { Clock } from "../runtime/clock.ts";
import { type DeviceSession, jsonBody } from "./device_session.ts";
import { refusal } from "./refusal.ts";

/** One inventory attribute in the form of the Device API. */
export interface InventoryAttribute {
  /** Name, 1 to 1024 characters. */
  readonly name: string;
  /** One value, or several. */
  readonly value: string | readonly string[];
}

/**
 * Replaces the device's inventory on the server by PUT; by PATCH where the server has no PUT.
 *
 * @throws {ApiError} `api.refused`, `api.server-error`, or as {@link DeviceSession.call}.
 * @see device-api section 2
 */
export async function sendInventory(
  session: DeviceSession,
  clock: Clock,
  attributes: readonly InventoryAttribute[],
  signal?: AbortSignal,
): Promise<void> {
  const path = "/api/devices/v1/inventory/device/attributes";
  let answer = await session.call({ method: "PUT", path, ...jsonBody(attributes) }, signal);
  if ([404, 405, 501].includes(answer.status)) {
    answer = await session.call({ method: "PATCH", path, ...jsonBody(attributes) }, signal);
  }
  if (answer.status !== 200) throw refusal("send the inventory", answer, clock.now());
}
