import { messageOf } from "../../core/errors.ts";
import { parseControlMap } from "../../control/control_map_json.ts";
import type { Daemon } from "../daemon.ts";
import type { ClientEvents } from "../client_events.ts";
import type { DaemonStatus } from "../daemon_status.ts";
import { gateAnswer } from "./gate_answer.ts";
import type { ControlAnswer, ControlRequest } from "./protocol.ts";
import type { ControlHandler } from "./serve_connection.ts";

/** Most that follow the events at the same time. */
const MAX_FOLLOWERS = 16;

/**
 * Answers what clients of the control socket ask, by a running daemon.
 *
 * @param events What happens; they know the deployment in progress.
 */
export function daemonHandler(
  daemon: Daemon,
  events: ClientEvents,
): ControlHandler {
  let followers = 0;
  return async (request) => {
    if (request.do !== "follow") return await answer(daemon, events, request);
    if (followers >= MAX_FOLLOWERS) return tooMany();
    followers++;
    // From before the status on, so that nothing is missed in between.
    const reader = events.subscribe(() => followers--);
    return { answer: statusAnswer(daemon, events), events: reader };
  };
}

function statusAnswer(daemon: Daemon, events: ClientEvents): ControlAnswer {
  return { ok: true, status: statusOf(daemon, events) };
}

/** How a daemon stands, with the deployment in progress. */
export function statusOf(daemon: Daemon, events: ClientEvents): DaemonStatus {
  const view = events.deployment;
  const own = daemon.status();
  // Whoever downloads for an hour does not poll meanwhile, and is well.
  const isCarriedOut = daemon.isAtWork && view !== undefined;
  return {
    ...own,
    isStale: own.isStale && !isCarriedOut,
    ...(view !== undefined && { deployment: view }),
  };
}

function tooMany(): ControlAnswer {
  const message = `${MAX_FOLLOWERS} follow the events already, which is the most`;
  return { ok: false, code: "control.too-many-followers", message };
}

async function answer(
  daemon: Daemon,
  events: ClientEvents,
  request: Exclude<ControlRequest, { readonly do: "follow" }>,
): Promise<ControlAnswer> {
  switch (request.do) {
    case "status":
      return statusAnswer(daemon, events);
    case "check-update":
      daemon.checkUpdate();
      return { ok: true };
    case "send-inventory":
      daemon.sendInventory();
      return { ok: true };
    case "report": {
      const result = await daemon.deliverReport(request.deployment);
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
    case "set-map": {
      const seconds = daemon.device.maps.set(parseControlMap(request.map));
      return { ok: true, refresh_timeout: seconds };
    }
    case "gate":
      return await gateAnswer(daemon, request);
    case "hello":
      return { ok: true }; // whoever binds the socket answers it
  }
}
