/**
 * mender-deno as a library: over-the-air updates with Mender, on a device.
 *
 * What stands here so far: reading and checking Mender Artifacts, control of updates by Update Control
 * Maps, and the errors and the logger that everything shares. A server to test against is in `mender-deno/testing`.
 *
 * @module
 */
export {
  ApiError,
  ArtifactError,
  AuthError,
  BusError,
  causeChain,
  ConfigError,
  ControlError,
  DownloadError,
  HandoffError,
  IdentityError,
  isMenderError,
  KeyError,
  MenderError,
  type MenderErrorOptions,
  type RetryAdvice,
  RuntimeError,
  StoreError,
  UsageError,
} from "./lib/core/errors.ts";
export {
  LOG_LEVELS,
  type LogFields,
  type Logger,
  type LogLevel,
  silentLogger,
  withFields,
} from "./lib/core/logger.ts";
export { VERSION } from "./lib/core/version.ts";
export {
  type ArtifactAugment,
  type ArtifactDescription,
  type ArtifactErrorCode,
  type ArtifactFile,
  type ArtifactLimits,
  ArtifactReader,
  type ArtifactReaderOptions,
  checkFitsDevice,
  type Compression,
  DEFAULT_LIMITS,
  type DeviceFacts,
  type FormatVersion,
  keyFingerprint,
  readVerifyKeys,
  type VerifyKeyText,
} from "./lib/artifact/mod.ts";
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
} from "./lib/control/map_order.ts";
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
} from "./lib/control/control_map.ts";
export {
  controlMapJson,
  controlMapText,
  parseControlMap,
  readControlMap,
} from "./lib/control/control_map_json.ts";
export {
  askPool,
  dropExpired,
  expireMaps,
  type MapPool,
  type PoolAnswer,
  type PoolEntry,
  setMap,
  type Verdict,
} from "./lib/control/map_pool.ts";
export { LivePool, type LivePoolOptions } from "./lib/control/live_pool.ts";
export {
  type ControllerState,
  MapController,
  type MapControllerOptions,
} from "./lib/control/map_controller.ts";
export type { Delivery, MapReceiver, ReceiverEvent } from "./lib/control/map_receiver.ts";
export {
  UpdateFlow,
  type UpdateFlowOptions,
  type UpdateFlowParts,
  type WaitOptions,
} from "./lib/flow/update_flow.ts";
