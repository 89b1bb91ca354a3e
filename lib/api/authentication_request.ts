import type { DeviceKey } from "../keys/mod.ts";
import type { ApiRequest } from "./exchange.ts";

/** Path of the authentication call, below the server's address. */
export const AUTHENTICATION_PATH = "/api/devices/v1/authentication/auth_requests";

/**
 * Builds the authentication request: serialised once, those very bytes signed, those very bytes sent.
 *
 * @param identity JSON text of the identity, as `encodeIdentity` makes it.
 * @see device-api section 1
 */
export async function authenticationRequest(
  server: string,
  key: DeviceKey,
  identity: string,
  tenantToken: string | undefined,
): Promise<ApiRequest> {
  const body = new TextEncoder().encode(JSON.stringify({
    id_data: identity,
    pubkey: key.publicKeyPem,
    ...(tenantToken !== undefined && { tenant_token: tenantToken }),
  }));
  return {
    method: "POST",
    url: server + AUTHENTICATION_PATH,
    headers: {
      "content-type": "application/json",
      // Servers do not check it on this call; older gateways want it to be there.
      "authorization": "API_KEY",
      "x-men-signature": await key.sign(body),
    },
    body,
  };
}
