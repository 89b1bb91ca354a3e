import { isJsonObject, type JsonObject } from "../../../core/json.ts";
import { type Answer, textAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { ServerRefusal } from "../refusal.ts";
import { isSignedBy, readPublicKey } from "./request_signature.ts";

/**
 * `POST auth_requests`: 200 with the bare token, or 401 for everything that the device can only wait
 * for (device-api section 1).
 */
export async function authenticate(call: Call): Promise<Answer> {
  const { devices, tokens, settings } = call.context;
  const body = await call.jsonObject(["id_data", "pubkey", "tenant_token", "tier"]);
  const signature = call.exchange.headers.get("x-men-signature");
  if (signature === undefined || signature === "") {
    throw new ServerRefusal("server.bad-request", "missing request signature header");
  }
  const identity = readIdentity(call, body.id_data);
  const key = readPublicKey(body.pubkey);
  if (!isSignedBy(key, call.bodyBytes, signature)) {
    throw new ServerRefusal("server.unauthorized", "signature verification failed");
  }
  const tenantToken = body.tenant_token ?? "";
  if (typeof tenantToken !== "string") {
    throw new ServerRefusal("server.bad-request", "tenant_token must be a string");
  }
  if (settings.tenantToken !== undefined && tenantToken.trim() !== settings.tenantToken) {
    throw unauthorized();
  }
  const pubkey = key.export({ type: "spki", format: "pem" }).toString();
  const { device, authSet } = devices.authenticate(identity, pubkey, settings.autoAccept);
  call.deviceId = device.id;
  if (authSet.status !== "accepted") throw unauthorized();
  const token = tokens.issueForDevice(device.id, authSet.id, settings.tokenLifeSeconds);
  return textAnswer(token, "application/jwt");
}

function readIdentity(call: Call, idData: unknown): JsonObject {
  const identity = typeof idData === "string" ? parseObject(idData) : undefined;
  if (identity === undefined) {
    throw new ServerRefusal("server.bad-request", "invalid auth request: id_data");
  }
  const values = Object.values(identity);
  if (values.length === 0) call.violation("id_data has no attributes");
  const isText = (value: unknown): boolean => typeof value === "string";
  if (!values.every((value) => isText(value) || (Array.isArray(value) && value.every(isText)))) {
    call.violation("id_data has a value that is neither a text nor a list of texts");
  }
  return identity;
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined; // refused by the caller, with the name of the field
  }
}

function unauthorized(): ServerRefusal {
  return new ServerRefusal("server.unauthorized", "dev auth: unauthorized");
}
