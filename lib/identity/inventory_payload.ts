import type { Attributes } from "../core/key_value.ts";

/** One attribute as the server takes it. */
export interface InventoryItem {
  /** Name, 1 to 1024 bytes. */
  readonly name: string;
  /** A single value, or several. */
  readonly value: string | string[];
}

/** Longest name that the server takes. */
const MAX_NAME_BYTES = 1024;

/**
 * The body of an inventory request: attributes sorted by name, a single value alone, several in a
 * list. What the server would refuse, and the whole request with it, is left out: names that are
 * empty or longer than 1024 bytes, and attributes without a value.
 *
 * @see device-api section 2
 */
export function inventoryPayload(attributes: Attributes): InventoryItem[] {
  return [...attributes]
    .filter(([name, values]) => isAccepted(name) && values.length > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, values]) => ({ name, value: values.length === 1 ? values[0]! : [...values] }));
}

function isAccepted(name: string): boolean {
  return name !== "" && new TextEncoder().encode(name).length <= MAX_NAME_BYTES;
}
