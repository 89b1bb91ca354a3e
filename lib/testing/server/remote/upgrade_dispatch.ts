import { messageOf } from "../../../core/errors.ts";
import type { UpgradeRequest } from "../../../runtime/websocket/ws_server.ts";
import { MAX_FROM_DEVICE_BYTES } from "../../../connect/protocol/internal.ts";
import { type Bearer, checkBearer } from "../access.ts";
import type { DispatchParts } from "../dispatch.ts";
import { maskHeaders } from "../masking.ts";
import { ServerRefusal } from "../refusal.ts";
import { bridgeUser } from "./user_bridge.ts";

const DEVICE_PATH = "/api/devices/v1/deviceconnect/connect";
const USER_PATH = /^\/api\/management\/v1\/deviceconnect\/devices\/([^/]+)\/connect$/;

/** Name under which Mender's clients may offer their messages; most offer none. */
const SUBPROTOCOL = "protomsg/msgpack";

/** Largest message of a user's client. */
const MAX_FROM_USER_BYTES = 1 << 20;

/**
 * Takes a request for a WebSocket through token check and journal to its end: the connection of a
 * device, or of a user to a device.
 */
export async function dispatchUpgrade(
  parts: DispatchParts,
  upgrade: UpgradeRequest,
): Promise<void> {
  const { context, journal } = parts;
  const path = (upgrade.target.split("?")[0] ?? "").replace(/\/{2,}/g, "/");
  const requestId = parts.makeId();
  const note = (status: number, more: { deviceId?: string | undefined; violation?: string }) => {
    const { deviceId, violation } = more;
    journal.add({
      at: context.clock.now(),
      method: upgrade.method,
      path,
      query: {},
      headers: maskHeaders(upgrade.headers),
      status,
      requestId,
      ...(deviceId !== undefined && { deviceId }),
      ...(violation !== undefined && { violation }),
    });
  };
  try {
    if (path === DEVICE_PATH) {
      const { deviceId = "" } = deviceBearer(parts, upgrade);
      note(101, { deviceId });
      const connection = await upgrade.accept(MAX_FROM_DEVICE_BYTES, SUBPROTOCOL);
      return await context.remote.serve(deviceId, connection);
    }
    const [, id] = USER_PATH.exec(path) ?? [];
    if (id === undefined) throw new ServerRefusal("server.not-found", "not found");
    checkBearer(context, "user", upgrade.headers.get("authorization"));
    const device = context.devices.get(id);
    const session = context.remote.open(device.id, context.file.state.userId);
    note(101, {});
    const user = await upgrade.accept(MAX_FROM_USER_BYTES, SUBPROTOCOL);
    await bridgeUser(user, session, {
      maxTerminalBytes: context.settings.maxTerminalBytes,
      onViolation: (violation) => note(101, { violation }),
    });
  } catch (error) {
    if (!(error instanceof ServerRefusal)) throw error;
    note(error.status, {});
    upgrade.refuse(
      error.status,
      { "content-type": "application/json", "x-men-requestid": requestId, ...error.headers },
      JSON.stringify({ error: messageOf(error), request_id: requestId }),
    );
  }
}

/** A good token that is not a device's is answered 400 here, as by the real server. */
function deviceBearer({ context }: DispatchParts, { headers }: UpgradeRequest): Bearer {
  const authorization = headers.get("authorization");
  try {
    return checkBearer(context, "device", authorization);
  } catch (error) {
    if (!isGood(() => checkBearer(context, "user", authorization))) throw error;
    throw new ServerRefusal("server.bad-request", "identity is not a device", { cause: error });
  }
}

function isGood(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false; // the first refusal is the one to tell
  }
}
