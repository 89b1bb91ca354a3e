import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { Buffer } from "node:buffer";

/** Kinds of device keys. */
export type KeyKind = "rsa" | "ec" | "ed25519";

/** A key pair of a device. */
export interface DeviceKey {
  readonly kind: KeyKind;
  readonly privateKey: KeyObject;
  readonly publicPem: string;
}

/** Makes a device key. */
export function makeDeviceKey(kind: KeyKind): DeviceKey {
  const { publicKey, privateKey } = kind === "rsa"
    ? generateKeyPairSync("rsa", { modulusLength: 2048 })
    : kind === "ec"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" })
    : generateKeyPairSync("ed25519");
  const publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
  return { kind, privateKey, publicPem };
}

/** Signs a body as a device does. */
export function signBody(key: DeviceKey, body: string): string {
  const algorithm = key.kind === "ed25519" ? null : "sha256";
  return sign(algorithm, Buffer.from(body), key.privateKey).toString("base64");
}

const AUTH_PATH = "/api/devices/v1/authentication/auth_requests";
const DEVICE_PATH = "/api/devices";

/** A device that speaks the wire format by hand, right or wrong as a test wants it. */
export class RawDevice {
  readonly url: string;
  readonly key: DeviceKey;
  readonly identity: Record<string, unknown>;
  token = "";

  constructor(url: string, identity: Record<string, unknown>, key = makeDeviceKey("ed25519")) {
    this.url = url;
    this.identity = identity;
    this.key = key;
  }

  /** Sends an authentication request; the token, when there is one, is kept. */
  async authenticate(changes: Record<string, unknown> = {}): Promise<Response> {
    const body = JSON.stringify({
      id_data: JSON.stringify(this.identity),
      pubkey: this.key.publicPem,
      ...changes,
    });
    const answer = await this.sendAuth(body, signBody(this.key, body));
    if (answer.status === 200) this.token = await answer.clone().text();
    return answer;
  }

  /** Sends any authentication request. */
  sendAuth(body: string, signature: string | undefined): Promise<Response> {
    return fetch(this.url + AUTH_PATH, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: "API_KEY",
        ...(signature !== undefined && { "x-men-signature": signature }),
      },
      body,
    });
  }

  /** Sends a Device API call with the token; `path` begins behind `/api/devices`. */
  call(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(this.url + DEVICE_PATH + path, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  }

  /** Asks for the next deployment, v2. */
  next(provides: Record<string, unknown>): Promise<Response> {
    return this.call("POST", "/v2/deployments/device/deployments/next", {
      device_provides: provides,
      update_control_map: true,
    });
  }

  /** Reports a status; gives the status of the answer. */
  async report(id: string, status: string, substate?: string): Promise<number> {
    const path = `/v1/deployments/device/deployments/${id}/status`;
    const answer = await this.call("PUT", path, { status, substate });
    await answer.body?.cancel();
    return answer.status;
  }
}
