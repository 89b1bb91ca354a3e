import { messageOf } from "../../core/errors.ts";
import type { Daemon } from "../daemon.ts";
import type { ControlAnswer, ControlRequest } from "./protocol.ts";
import type { ControlHandler } from "./serve_connection.ts";

/** Answers what clients of the control socket ask, by a running daemon. */
export function daemonHandler(daemon: Daemon): ControlHandler {
  return (request) => answer(daemon, request);
}

async function answer(daemon: Daemon, request: ControlRequest): Promise<ControlAnswer> {
  switch (request.do) {
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
