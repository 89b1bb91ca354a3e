import type { ControlMap } from "../control/control_map.ts";
import { controlMapText } from "../control/control_map_json.ts";
import type { Delivery, MapReceiver } from "../control/map_receiver.ts";
import { ControlError, isMenderError } from "../core/errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { SocketDriver } from "../runtime/socket_driver.ts";
import { askControl } from "./control/ask_control.ts";

/** A daemon takes a map at once. */
const ANSWER_WITHIN_MS = 5000;

/** It will be taken by whoever holds the socket next. */
const PASSING = ["control.busy", "control.ending"];

/** Our own daemon, which takes maps over its control socket too: a device needs no D-Bus for that. */
export class SocketMapReceiver implements MapReceiver {
  readonly #drivers: { readonly sockets: SocketDriver; readonly clock: Clock };
  readonly #path: string;

  /** Connects to nothing yet. */
  constructor(
    drivers: { readonly sockets: SocketDriver; readonly clock: Clock },
    controlSocket: string,
  ) {
    this.#drivers = drivers;
    this.#path = controlSocket;
  }

  /** Sets a map; see {@link MapReceiver.setMap}. */
  async setMap(map: ControlMap, signal: AbortSignal): Promise<Delivery> {
    signal.throwIfAborted();
    try {
      const answer = await askControl(
        this.#drivers,
        this.#path,
        { v: 1, do: "set-map", map: controlMapText(map) },
        ANSWER_WITHIN_MS,
      );
      if (answer.ok) {
        return { type: "accepted", refreshMs: Number(answer["refresh_timeout"]) * 1000 };
      }
      const reason = new ControlError(answer.code, `Cannot set the map: ${answer.message}`);
      return { type: PASSING.includes(answer.code) ? "unreachable" : "refused", reason };
    } catch (error) {
      if (!isMenderError(error)) throw error;
      if (isMenderError(error, "store.")) return { type: "refused", reason: error };
      return {
        type: isMenderError(error, "control.nobody") ? "unreachable" : "unknown",
        reason: error,
      };
    }
  }

  /** The socket tells nothing by itself: what is lost shows at the next refresh. */
  watch(): () => void {
    return () => {};
  }
}
