/**
 * The device key: found or made, and what it signs. It holds no secret longer than a signature takes,
 * and sends nothing.
 *
 * @module
 */
export { type DeviceKey, type DeviceKeyKind } from "./device_key.ts";
export { type LoadKeyOptions, loadOrCreateKey } from "./load_or_create_key.ts";
