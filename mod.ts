/**
 * mender-deno as a library: over-the-air updates with Mender, on a device.
 *
 * What stands here so far: reading and checking Mender Artifacts, and the errors and the logger that
 * everything shares. A server to test against is in `mender-deno/testing`.
 *
 * @module
 */
export {
  ApiError,
  ArtifactError,
  AuthError,
  causeChain,
  ConfigError,
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
