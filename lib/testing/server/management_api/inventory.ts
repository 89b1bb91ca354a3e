import { type Answer, emptyAnswer, jsonAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { pageOf } from "../paging.ts";
import { ServerRefusal } from "../refusal.ts";
import { inventoryView } from "./device_views.ts";

/** `GET inventory/devices`: in pages, with the total in `X-Total-Count`. */
export function listInventories(call: Call): Answer {
  const { devices } = call.context;
  const { items, link } = pageOf(devices.list(), call.path, call.query);
  return jsonAnswer(items.map((device) => inventoryView(device, devices.statusOf(device))), 200, {
    link,
    "x-total-count": `${devices.list().length}`,
  });
}

/** `GET inventory/devices/{id}`. */
export function getInventory(call: Call): Answer {
  const device = call.context.devices.get(call.param("id"));
  return jsonAnswer(inventoryView(device, call.context.devices.statusOf(device)));
}

/** `PUT inventory/devices/{id}/group`: puts a device in a group. */
export async function setGroup(call: Call): Promise<Answer> {
  const { group } = await call.jsonObject(["group"]);
  if (typeof group !== "string" || !/^[A-Za-z0-9_-]{1,1024}$/.test(group)) {
    throw new ServerRefusal("server.bad-request", "Group name: must be a valid name");
  }
  call.context.devices.get(call.param("id")).group = group;
  call.context.file.changed();
  return emptyAnswer(204);
}

/** `DELETE inventory/devices/{id}/group/{name}`: takes a device out of its group. */
export function leaveGroup(call: Call): Answer {
  const device = call.context.devices.get(call.param("id"));
  if (device.group !== call.param("name")) {
    throw new ServerRefusal("server.not-found", "the device is not in that group");
  }
  delete device.group;
  call.context.file.changed();
  return emptyAnswer(204);
}
