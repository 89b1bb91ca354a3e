import { isJsonObject } from "../../../core/json.ts";
import { type Answer, emptyAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import type { InventoryAttribute } from "../records/state.ts";
import { ServerRefusal } from "../refusal.ts";

const MAX_NAME_LENGTH = 1024;

/** `PUT attributes`: the inventory is these attributes (device-api section 2). */
export async function replaceInventory(call: Call): Promise<Answer> {
  store(call, new Map(), await readAttributes(call));
  return emptyAnswer(200);
}

/** `PATCH attributes`: these attributes are added or changed. */
export async function patchInventory(call: Call): Promise<Answer> {
  const { inventory } = call.context.devices.get(call.deviceId ?? "");
  const known = new Map(inventory.map((attribute) => [attribute.name, attribute]));
  store(call, known, await readAttributes(call));
  return emptyAnswer(200);
}

function store(
  call: Call,
  known: Map<string, InventoryAttribute>,
  sent: readonly InventoryAttribute[],
): void {
  const device = call.context.devices.get(call.deviceId ?? "");
  for (const attribute of sent) known.set(attribute.name, attribute);
  device.inventory = [...known.values()];
  device.inventoryAt = call.context.clock.now();
  call.context.file.changed();
}

async function readAttributes(call: Call): Promise<InventoryAttribute[]> {
  const body = await call.json();
  if (!Array.isArray(body)) {
    throw new ServerRefusal("server.bad-request", "wanted a list of attributes");
  }
  const attributes = body.map((item: unknown) => readAttribute(call, item));
  const names = new Set(attributes.map(({ name }) => name));
  if (names.size < attributes.length) call.violation("an attribute was sent twice");
  return attributes;
}

function readAttribute(call: Call, item: unknown): InventoryAttribute {
  if (!isJsonObject(item)) throw new ServerRefusal("server.bad-request", "wanted an attribute");
  const { name, value, description, ...rest } = item;
  if (typeof name !== "string" || name === "" || name.length > MAX_NAME_LENGTH) {
    throw new ServerRefusal(
      "server.bad-request",
      `name: must be a text of 1 to ${MAX_NAME_LENGTH} characters`,
    );
  }
  if (!isAttributeValue(value)) {
    throw new ServerRefusal(
      "server.bad-request",
      `value of ${name}: supported types are string, float64, and arrays thereof`,
    );
  }
  if (description !== undefined && typeof description !== "string") {
    throw new ServerRefusal("server.bad-request", `description of ${name}: must be a text`);
  }
  const strange = Object.keys(rest);
  if (strange.length > 0) call.violation(`attribute ${name} has unknown keys ${strange}`);
  return { name, value, ...(description !== undefined && { description }) };
}

function isAttributeValue(value: unknown): value is InventoryAttribute["value"] {
  if (typeof value === "string" || typeof value === "number") return true;
  if (!Array.isArray(value)) return false;
  return value.every((item) => typeof item === "string") ||
    value.every((item) => typeof item === "number");
}
