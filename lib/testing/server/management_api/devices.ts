import { isJsonObject } from "../../../core/json.ts";
import { type Answer, emptyAnswer, jsonAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { readPublicKey } from "../device_api/request_signature.ts";
import { pageOf } from "../paging.ts";
import type { DeviceStatus } from "../records/device_registry.ts";
import type { DeviceRecord } from "../records/state.ts";
import { ServerRefusal } from "../refusal.ts";
import { deviceView } from "./device_views.ts";

const STATUSES = ["pending", "accepted", "rejected", "preauthorized", "noauth"] as const;

/** `GET devices`: filtered by `status` and `id`, in pages. */
export function listDevices(call: Call): Answer {
  const { devices } = call.context;
  const ids = call.query.getAll("id");
  const found = withStatus(call).filter((device) => ids.length === 0 || ids.includes(device.id));
  const { items, link } = pageOf(found, call.path, call.query);
  return jsonAnswer(items.map((device) => deviceView(device, devices.statusOf(device))), 200, {
    link,
  });
}

/** `GET devices/count`. */
export function countDevices(call: Call): Answer {
  return jsonAnswer({ count: withStatus(call).length });
}

/** `GET devices/{id}`. */
export function getDevice(call: Call): Answer {
  const { devices } = call.context;
  const device = devices.get(call.param("id"));
  return jsonAnswer(deviceView(device, devices.statusOf(device)));
}

/** `POST devices`: announces a device, or with `force` another key of a known one. */
export async function preauthorizeDevice(call: Call): Promise<Answer> {
  const body = await call.jsonObject(["identity_data", "pubkey", "force"]);
  if (!isJsonObject(body.identity_data) || Object.keys(body.identity_data).length === 0) {
    throw new ServerRefusal("server.bad-request", "identity_data: cannot be blank");
  }
  const isForced = body.force ?? false;
  if (typeof isForced !== "boolean") {
    throw new ServerRefusal("server.bad-request", "force: must be a boolean");
  }
  const pubkey = readPublicKey(body.pubkey).export({ type: "spki", format: "pem" }).toString();
  const device = call.context.devices.preauthorize(body.identity_data, pubkey, isForced);
  return emptyAnswer(201, { location: `devices/${device.id}` });
}

/** `DELETE devices/{id}`: decommissions the device. */
export function removeDevice(call: Call): Answer {
  const { id } = call.context.devices.get(call.param("id"));
  call.context.deployments.decommission(id);
  call.context.devices.remove(id);
  return emptyAnswer(204);
}

/** `PUT devices/{id}/auth/{aid}/status`: the operator's decision. */
export async function setAuthSetStatus(call: Call): Promise<Answer> {
  const { status } = await call.jsonObject(["status"]);
  if (status !== "accepted" && status !== "rejected" && status !== "pending") {
    throw new ServerRefusal("server.bad-request", "incorrect device status");
  }
  call.context.devices.setStatus(call.param("id"), call.param("aid"), status);
  return emptyAnswer(204);
}

/** `GET devices/{id}/auth/{aid}/status`. */
export function getAuthSetStatus(call: Call): Answer {
  const { status } = call.context.devices.authSet(call.param("id"), call.param("aid"));
  return jsonAnswer({ status });
}

/** `DELETE devices/{id}/auth/{aid}`. */
export function removeAuthSet(call: Call): Answer {
  call.context.devices.removeAuthSet(call.param("id"), call.param("aid"));
  return emptyAnswer(204);
}

function withStatus(call: Call): DeviceRecord[] {
  const { devices } = call.context;
  const status = call.query.get("status");
  if (status !== null && !(STATUSES as readonly string[]).includes(status)) {
    throw new ServerRefusal("server.bad-request", "status: must be a valid status");
  }
  const wanted = status as DeviceStatus | null;
  return devices.list().filter((device) => wanted === null || devices.statusOf(device) === wanted);
}
