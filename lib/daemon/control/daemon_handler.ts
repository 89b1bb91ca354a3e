import { messageOf } from "../../core/errors.ts";
import type { Daemon } from "../daemon.ts";
import type { ClientEvents } from "../client_events.ts";
import type { DaemonStatus } from "../daemon_status.ts";
import type { ControlAnswer, ControlRequest } from "./protocol.ts";
import type { ControlHandler } from "./serve_connection.ts";

/**
 * Answers what clients of the control socket ask, by a running daemon.
 *
 * @param events What happens; they know the deployment in progress.
 */
export function daemonHandler(
  daemon: Daemon,
  events: ClientEvents,
): ControlHandler {
  return (request) => answer(daemon, events, request);
}

async function answer(
  daemon: Daemon,
  events: ClientEvents,
  request: ControlRequest,
): Promise<ControlAnswer> {
  switch (request.do) {
    case "status": {
      const view = events.deployment;
      const status: DaemonStatus = {
        ...daemon.status(),
        ...(view !== undefined && { deployment: view }),
      };
      return { ok: true, status };
    }
    case "check-update":
      daemon.checkUpdate();
      return { ok: true };
    case "send-inventory":
      daemon.sendInventory();
      return { ok: true };
    case "report": {
      const result = await daemon.perform((device, signal) =>
        device.deliverReport(request.deployment, signal)
      );
      return result.state === "delivered"
        ? { ok: true, state: "delivered" }
        : { ok: true, state: "recorded", why: messageOf(result.why) };
    }
    case "announce": {
      const result = await daemon.perform((device, signal) =>
        device.announce(request.deployment, request.status, signal)
      );
      return { ok: true, result };
    }
    case "hello":
      return { ok: true }; // whoever binds the socket answers it
  }
}
