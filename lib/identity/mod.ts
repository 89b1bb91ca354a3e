/**
 * Who the device is and what it is made of: identity script, inventory scripts, and the forms in which
 * the server wants them.
 *
 * @module
 */
export {
  collectInventory,
  type CollectInventoryOptions,
  type Inventory,
} from "./collect_inventory.ts";
export { encodeIdentity } from "./encode_identity.ts";
export { decideIdentityForm, type IdentityFormOptions } from "./identity_form.ts";
export { type IdentityMemory, noteIdentity } from "./identity_fingerprint.ts";
export { type InventoryItem, inventoryPayload } from "./inventory_payload.ts";
export { type IdentityForm } from "./parse_identity.ts";
export { readIdentity, type ReadIdentityOptions } from "./read_identity.ts";
