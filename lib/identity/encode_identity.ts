import type { Attributes } from "../core/key_value.ts";
import type { IdentityForm } from "./parse_identity.ts";

/**
 * The identity as JSON text, the `id_data` of the authentication request.
 *
 * Keys are sorted by code unit; the server sorts them again, so their order is no part of the
 * identity, but the values and their form are.
 *
 * @param form `array`: every value in a list, as mender-python-client does. `scalar`: a single value
 * alone, several in a list, as the Go and C++ clients do.
 * @see device-api section 1
 */
export function encodeIdentity(attributes: Attributes, form: IdentityForm): string {
  const members = [...attributes.keys()].sort().map((key) => {
    const values = attributes.get(key)!;
    const isAlone = form === "scalar" && values.length === 1;
    return `${JSON.stringify(key)}:${JSON.stringify(isAlone ? values[0] : values)}`;
  });
  return `{${members.join(",")}}`;
}
