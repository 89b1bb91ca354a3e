import { ServerRefusal } from "./refusal.ts";
import type { Access } from "./router.ts";
import type { ServerContext } from "./server_context.ts";

/** Whom a good token speaks for. */
export interface Bearer {
  /** ID of the token. */
  readonly tokenId: string;
  /** The device; `undefined` for a user. */
  readonly deviceId: string | undefined;
}

/**
 * Lets the owner of a good token through; a device must also be accepted still.
 *
 * @throws {ServerRefusal} `server.unauthorized`, `server.forbidden`.
 */
export function checkBearer(
  context: ServerContext,
  access: Exclude<Access, "open">,
  authorization: string | undefined,
): Bearer {
  const { tokens, devices, file } = context;
  try {
    const { id, token } = tokens.check(authorization);
    if (token.kind !== access) throw unauthorized();
    if (token.kind === "user") return { tokenId: id, deviceId: undefined };
    const device = devices.list().find((known) => known.id === token.subject);
    const set = device?.authSets.find((known) => known.id === token.authSetId);
    if (set?.status !== "accepted") throw unauthorized();
    return { tokenId: id, deviceId: token.subject };
  } finally {
    file.flush(); // an expired token was deleted
  }
}

function unauthorized(): ServerRefusal {
  return new ServerRefusal("server.unauthorized", "unauthorized");
}
