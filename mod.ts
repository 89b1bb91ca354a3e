/**
 * mender-deno as a library: over-the-air updates with Mender, on a device.
 *
 * A whole client that runs in an application; reading and checking Mender Artifacts; control of updates by
 * Update Control Maps; and the errors and the logger that everything shares. A server to test against is in
 * `mender-deno/testing`.
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
  SessionError,
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
  askPool,
  continueOnce,
  CONTROL_ACTIONS,
  CONTROL_STATES,
  type ControlAction,
  type ControllerState,
  type ControlMap,
  controlMap,
  controlMapJson,
  controlMapText,
  type ControlState,
  type Delivery,
  dropExpired,
  EXPIRE_ACTIONS,
  type ExpireAction,
  expireMaps,
  failOnce,
  keepingOrder,
  LivePool,
  type LivePoolOptions,
  LOCAL_PRIORITY,
  MapController,
  type MapControllerOptions,
  type MapOrder,
  type MapPool,
  type MapReceiver,
  orderActions,
  type OrderOptions,
  parseControlMap,
  pauseAll,
  type PoolAnswer,
  type PoolEntry,
  PRIORITY_RANGE,
  readControlMap,
  type ReceiverEvent,
  setMap,
  type StateActions,
  stateActions,
  type Verdict,
} from "./lib/control/mod.ts";
export {
  UpdateFlow,
  type UpdateFlowOptions,
  type UpdateFlowParts,
  type WaitOptions,
} from "./lib/flow/update_flow.ts";
export { MenderClient } from "./lib/client/mender_client.ts";
export { followClient, type FollowClientOptions } from "./lib/client/follow_client.ts";
export type { FollowedLine } from "./lib/daemon/control/follow_control.ts";
export type { MenderClientOptions } from "./lib/client/client_options.ts";
export type { ClientEvent } from "./lib/daemon/client_event.ts";
export type {
  DaemonStatus,
  DeploymentStatusView,
  FailureView,
  MapView,
} from "./lib/daemon/daemon_status.ts";
export { InstanceError } from "./lib/daemon/instance_guard.ts";
export type { DeploymentEvent } from "./lib/deployment/context.ts";
export type { RunResult } from "./lib/deployment/deployment_run.ts";
export type {
  AnnouncedStatus,
  Installation,
  InstallationHandler,
} from "./lib/deployment/handoff/installation.ts";
export type { Clock } from "./lib/runtime/clock.ts";
export type { JsonObject } from "./lib/core/json.ts";
