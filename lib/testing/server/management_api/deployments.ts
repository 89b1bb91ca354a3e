import { isJsonObject, type JsonObject } from "../../../core/json.ts";
import { type Answer, emptyAnswer, jsonAnswer, textAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { pageOf } from "../paging.ts";
import type { DeploymentRecord } from "../records/state.ts";
import { ServerRefusal } from "../refusal.ts";
import { deploymentView, logText, rowView, statisticsOf } from "./deployment_views.ts";

const PHASES = ["pending", "inprogress", "finished"];

const NEW_KEYS = [
  "name",
  "artifact_name",
  "devices",
  "all_devices",
  "force_installation",
  "update_control_map",
];

/** `POST deployments`: for some devices, or for all that are accepted. */
export async function createDeployment(call: Call): Promise<Answer> {
  const body = await call.jsonObject(NEW_KEYS);
  const isForAll = booleanOf(body, "all_devices");
  const listed = body.devices ?? [];
  if (!Array.isArray(listed) || !listed.every((id) => typeof id === "string")) {
    throw new ServerRefusal("server.bad-request", "devices: must be a list of device IDs");
  }
  if (isForAll === listed.length > 0) {
    throw new ServerRefusal(
      "server.bad-request",
      "Invalid deployments definition: provide list of devices or set all_devices flag",
    );
  }
  return create(call, body, isForAll ? call.context.devices.acceptedIds() : listed);
}

/** `POST deployments/group/{name}`: for the accepted devices of a group. */
export async function createGroupDeployment(call: Call): Promise<Answer> {
  const body = await call.jsonObject(NEW_KEYS);
  if ("devices" in body || "all_devices" in body) {
    throw new ServerRefusal(
      "server.bad-request",
      "Invalid deployments definition: a deployment for a group names no devices",
    );
  }
  return create(call, body, call.context.devices.acceptedIds(call.param("name")));
}

/** `GET deployments`: filtered, sorted, in pages, with the total in `X-Total-Count`. */
export function listDeployments(call: Call): Answer {
  const found = filtered(call);
  const { items, link } = pageOf(found, call.path, call.query);
  return jsonAnswer(items.map((item) => view(call, item)), 200, {
    link,
    "x-total-count": `${found.length}`,
  });
}

/** `GET deployments/{id}`. */
export function getDeployment(call: Call): Answer {
  return jsonAnswer(view(call, deploymentOf(call)));
}

/** `PUT deployments/{id}/status`: aborting is all that an operator can do. */
export async function abortDeployment(call: Call): Promise<Answer> {
  const { status } = await call.jsonObject(["status"]);
  const { id } = deploymentOf(call);
  if (status !== "aborted") {
    throw new ServerRefusal("server.bad-request", "Unexpected deployment status");
  }
  call.context.deployments.abort(id);
  return emptyAnswer(204);
}

/** `GET deployments/{id}/statistics`. */
export function getStatistics(call: Call): Answer {
  return jsonAnswer(statisticsOf(deploymentOf(call)));
}

/** `POST deployments/statistics/list`: of several deployments at once. */
export async function listStatistics(call: Call): Promise<Answer> {
  const { deployment_ids: ids } = await call.jsonObject(["deployment_ids"]);
  if (!Array.isArray(ids)) {
    throw new ServerRefusal("server.bad-request", "deployment_ids: must be a list");
  }
  return jsonAnswer(
    call.context.deployments.list().filter(({ id }) => ids.includes(id))
      .map((deployment) => ({ id: deployment.id, stats: statisticsOf(deployment) })),
  );
}

/** `GET deployments/{id}/devices`: all rows. */
export function listAllRows(call: Call): Answer {
  const artifacts = call.context.artifacts.list();
  return jsonAnswer(deploymentOf(call).devices.map((row) => rowView(row, artifacts)));
}

/** `GET deployments/{id}/devices/list`: rows of a `status`, in pages. */
export function listRows(call: Call): Answer {
  const status = call.query.get("status");
  const rows = deploymentOf(call).devices.filter((row) => status === null || row.status === status);
  const { items, link } = pageOf(rows, call.path, call.query);
  const artifacts = call.context.artifacts.list();
  return jsonAnswer(items.map((row) => rowView(row, artifacts)), 200, {
    link,
    "x-total-count": `${rows.length}`,
  });
}

/** `GET deployments/{id}/device_list`: the IDs of the devices. */
export function listRowIds(call: Call): Answer {
  return jsonAnswer(deploymentOf(call).devices.map((row) => row.deviceId));
}

/** `GET deployments/{id}/devices/{device}/log`. */
export function getLog(call: Call): Answer {
  const row = call.context.deployments.row(call.param("id"), call.param("device"));
  if (row.log === undefined) throw new ServerRefusal("server.not-found", "no log");
  return textAnswer(logText(row), "text/plain");
}

function create(call: Call, body: JsonObject, deviceIds: readonly string[]): Answer {
  const map = body.update_control_map ?? undefined;
  if (map !== undefined && !isJsonObject(map)) {
    throw new ServerRefusal("server.bad-request", "update_control_map: must be an object");
  }
  const { id } = call.context.deployments.create({
    name: textOf(body, "name"),
    artifactName: textOf(body, "artifact_name"),
    deviceIds,
    isForced: booleanOf(body, "force_installation"),
    updateControlMap: map,
  });
  return emptyAnswer(201, { location: `/api/management/v1/deployments/deployments/${id}` });
}

function filtered(call: Call): DeploymentRecord[] {
  const { deployments } = call.context;
  const status = call.query.get("status");
  if (status !== null && !PHASES.includes(status)) {
    throw new ServerRefusal("server.bad-request", `unknown status ${status}`);
  }
  const type = call.query.get("type") ?? "software";
  const search = call.query.get("search")?.toLowerCase() ?? "";
  const before = secondsOf(call, "created_before") ?? Infinity;
  const after = secondsOf(call, "created_after") ?? -Infinity;
  const found = deployments.list().filter((deployment) =>
    (status === null || deployments.phase(deployment) === status) && type === "software" &&
    [deployment.name, deployment.artifactName].some((text) =>
      text.toLowerCase().includes(search)
    ) && deployment.createdAt / 1000 < before && deployment.createdAt / 1000 >= after
  );
  return call.query.get("sort") === "asc" ? found : found.reverse();
}

function view(call: Call, deployment: DeploymentRecord): JsonObject {
  const { artifacts, deployments } = call.context;
  return deploymentView(deployment, deployments.phase(deployment), artifacts.list());
}

function deploymentOf(call: Call): DeploymentRecord {
  return call.context.deployments.get(call.param("id"));
}

function textOf(body: JsonObject, key: string): string {
  const value = body[key];
  if (typeof value === "string" && value !== "" && value.length <= 4096) return value;
  throw new ServerRefusal("server.bad-request", `${key}: cannot be blank`);
}

function booleanOf(body: JsonObject, key: string): boolean {
  const value = body[key] ?? false;
  if (typeof value === "boolean") return value;
  throw new ServerRefusal("server.bad-request", `${key}: must be a boolean`);
}

function secondsOf(call: Call, name: string): number | undefined {
  const text = call.query.get(name);
  if (text === null) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new ServerRefusal("server.bad-request", `${name}: must be a Unix time`);
}
