import { isJsonObject } from "../../../core/json.ts";
import { type Answer, emptyAnswer, jsonAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { isDeviceStatus, isOver } from "../records/device_status.ts";
import type { DeploymentLogMessage } from "../records/state.ts";
import { ServerRefusal } from "../refusal.ts";

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** `PUT status`: 204, or 409 once the deployment is withdrawn (device-api section 4). */
export async function reportStatus(call: Call): Promise<Answer> {
  const body = await call.jsonObject(["status", "substate"]);
  if (!isDeviceStatus(body.status)) {
    throw new ServerRefusal("server.bad-request", "status: unknown status value");
  }
  const substate = body.substate;
  if (substate !== undefined && typeof substate !== "string") {
    throw new ServerRefusal("server.bad-request", "substate: must be a text");
  }
  call.violation(
    call.context.deployments.report(call.param("id"), call.deviceId ?? "", body.status, substate),
  );
  return emptyAnswer(204);
}

/** `PUT log`: replaces the log of the device (device-api section 5). */
export async function storeLog(call: Call): Promise<Answer> {
  const body = await call.jsonObject(["messages"]);
  const { deployments } = call.context;
  const row = deployments.row(call.param("id"), call.deviceId ?? "");
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    throw new ServerRefusal("server.bad-request", "messages: cannot be blank");
  }
  const messages = body.messages.map(readMessage);
  if (row.status !== "failure") call.violation(`log sent in status ${row.status}, not failure`);
  deployments.storeLog(call.param("id"), call.deviceId ?? "", messages);
  return emptyAnswer(204);
}

/** `GET update_control_map`: the map as it is now, 404 once the deployment is over. */
export function refreshControlMap(call: Call): Answer {
  const id = call.param("id");
  const { deployments, settings } = call.context;
  const row = deployments.row(id, call.deviceId ?? "");
  if (isOver(row.status) || !settings.nextVersions.includes("v2")) {
    throw new ServerRefusal("server.not-found", "not found");
  }
  const map = deployments.get(id).updateControlMap;
  return jsonAnswer({ update_control_map: map === undefined ? null : { ...map, id } });
}

function readMessage(item: unknown): DeploymentLogMessage {
  if (!isJsonObject(item)) throw badMessage();
  const { timestamp, level, message } = item;
  if (typeof timestamp !== "string" || typeof level !== "string" || typeof message !== "string") {
    throw badMessage();
  }
  const isTime = RFC_3339.test(timestamp) && !Number.isNaN(Date.parse(timestamp));
  if (!isTime || level === "" || message === "") throw badMessage();
  return { timestamp, level, message };
}

function badMessage(): ServerRefusal {
  return new ServerRefusal(
    "server.bad-request",
    "messages: each needs timestamp (RFC 3339), level and message",
  );
}
