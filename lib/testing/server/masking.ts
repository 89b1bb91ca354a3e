import { isJsonObject, type JsonObject } from "../../core/json.ts";

const MASK = "***";
const SECRET_HEADERS = new Set(["authorization", "cookie", "proxy-authorization"]);
const SECRET_KEYS = new Set(["tenant_token", "token2fa", "password", "signature"]);

/** Copies headers; of credentials only their scheme (`Bearer`, `Basic`) is left. */
export function maskHeaders(headers: ReadonlyMap<string, string>): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const [name, value] of headers) {
    shown[name] = SECRET_HEADERS.has(name) ? maskCredential(value) : value;
  }
  return shown;
}

/** Copies query parameters without the signatures of links. */
export function maskQuery(query: URLSearchParams): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const [name, value] of query) shown[name] = SECRET_KEYS.has(name) ? MASK : value;
  return shown;
}

/** Copies a JSON value without its secrets; an empty secret is shown as empty. */
export function maskJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskJson);
  if (!isJsonObject(value)) return value;
  const shown: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    shown[key] = SECRET_KEYS.has(key) && member !== "" ? MASK : maskJson(member);
  }
  return shown;
}

function maskCredential(value: string): string {
  const space = value.indexOf(" ");
  return space < 0 ? MASK : `${value.slice(0, space)} ${MASK}`;
}
