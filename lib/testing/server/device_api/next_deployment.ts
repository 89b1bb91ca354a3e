import { isJsonObject, type JsonObject } from "../../../core/json.ts";
import { type Answer, emptyAnswer, jsonAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { canonicalJson } from "../canonical_json.ts";
import { ServerRefusal } from "../refusal.ts";
import type { NextVersion } from "../server_options.ts";

const MAX_PROVIDE_LENGTH = 4096;

/** `POST v2 next`: what the device provides is nested, and Update Control Maps are delivered. */
export async function nextV2(call: Call): Promise<Answer> {
  refuseMissing(call, "v2");
  const body = await call.jsonObject(["device_provides", "update_control_map"]);
  if (!isJsonObject(body.device_provides)) {
    throw new ServerRefusal("server.bad-request", "device_provides: cannot be blank");
  }
  const wantsMap = body.update_control_map ?? false;
  if (typeof wantsMap !== "boolean") {
    throw new ServerRefusal("server.bad-request", "update_control_map: must be a boolean");
  }
  return offer(call, body.device_provides, wantsMap);
}

/** `POST v1 next`: what the device provides is the whole body. */
export async function nextV1(call: Call): Promise<Answer> {
  refuseMissing(call, "v1");
  return offer(call, await call.jsonObject(), false);
}

/** `GET v1 next`: what the device provides is in the query. */
export function nextV1Get(call: Call): Answer {
  refuseMissing(call, "v1");
  return offer(call, Object.fromEntries(call.query), false);
}

function refuseMissing(call: Call, version: NextVersion): void {
  if (call.context.settings.nextVersions.includes(version)) return;
  throw new ServerRefusal("server.not-found", "not found");
}

function offer(call: Call, provides: JsonObject, wantsMap: boolean): Answer {
  for (const name of ["artifact_name", "device_type"]) {
    const value = provides[name];
    if (typeof value === "string" && value !== "" && value.length <= MAX_PROVIDE_LENGTH) continue;
    throw new ServerRefusal("server.bad-request", `${name}: cannot be blank`);
  }
  const odd = Object.keys(provides).find((name) => typeof provides[name] !== "string");
  if (odd !== undefined) throw new ServerRefusal("server.bad-request", `${odd}: must be a text`);

  const found = call.context.deployments.next(call.deviceId ?? "", {
    artifactName: String(provides.artifact_name),
    deviceType: String(provides.device_type),
    canonical: canonicalJson({ provides, wantsMap }),
  });
  if (found === undefined) return emptyAnswer(204);
  const { deployment, artifact } = found;
  const map = deployment.updateControlMap;
  return jsonAnswer({
    id: deployment.id,
    artifact: {
      id: artifact.id,
      artifact_name: artifact.name,
      device_types_compatible: artifact.deviceTypes,
      source: call.context.links.make(call.origin, artifact.id),
    },
    ...(wantsMap &&
      { update_control_map: map === undefined ? null : { ...map, id: deployment.id } }),
  });
}
