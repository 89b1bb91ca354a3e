import type { MenderError } from "../core/errors.ts";
import type { ControlMap } from "./control_map.ts";

/**
 * How the delivery of a map ended. `accepted`: it is in effect. `refused`: it was answered, and is not in
 * effect. `unreachable`: it cannot have arrived. `unknown`: it may have arrived, nobody has answered.
 */
export type Delivery =
  | {
    readonly type: "accepted";
    /** Half of the map's life: it has to be set again within this time. */
    readonly refreshMs: number;
  }
  | {
    readonly type: "refused" | "unreachable" | "unknown";
    /** Why. */
    readonly reason: MenderError;
  };

/**
 * What happens to whoever receives maps. `arrived`: it has just started, and may know none of the maps
 * that were set before. `gone`: it cannot be reached for now.
 */
export type ReceiverEvent =
  | { readonly type: "arrived" }
  | { readonly type: "gone"; readonly reason: MenderError };

/** Where maps are set: a Mender client at the other end of a bus, or the device itself. */
export interface MapReceiver {
  /**
   * Sets a map, or deletes it when it has no states. Settles within some seconds, or when `signal` is
   * aborted (then by throwing its reason).
   */
  setMap(map: ControlMap, signal: AbortSignal): Promise<Delivery>;
  /** Calls back at each event until the returned function is called. */
  watch(listener: (event: ReceiverEvent) => void): () => void;
}
