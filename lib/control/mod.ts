/**
 * Update Control Maps: what they say, how several of them decide, and how one is kept in effect. Nothing
 * here knows a bus, a client or a server: maps go to a `MapReceiver`, and come into a `LivePool`, whoever
 * stands behind them.
 *
 * @module
 */
export {
  CONTROL_ACTIONS,
  CONTROL_STATES,
  type ControlAction,
  type ControlMap,
  controlMap,
  type ControlState,
  EXPIRE_ACTIONS,
  type ExpireAction,
  PRIORITY_RANGE,
  type StateActions,
  stateActions,
} from "./control_map.ts";
export {
  controlMapJson,
  controlMapText,
  parseControlMap,
  readControlMap,
} from "./control_map_json.ts";
export { LivePool, type LivePoolOptions } from "./live_pool.ts";
export {
  type ControllerState,
  MapController,
  type MapControllerOptions,
} from "./map_controller.ts";
export {
  type ActionsByState,
  continueOnce,
  failOnce,
  keepingOrder,
  LOCAL_PRIORITY,
  type MapOrder,
  orderActions,
  type OrderOptions,
  pauseAll,
} from "./map_order.ts";
export {
  askPool,
  dropExpired,
  expireMaps,
  type MapPool,
  type PoolAnswer,
  type PoolEntry,
  setMap,
  type Verdict,
} from "./map_pool.ts";
export type { Delivery, MapReceiver, ReceiverEvent } from "./map_receiver.ts";
