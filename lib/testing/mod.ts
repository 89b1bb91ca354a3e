/**
 * The embedded Mender server: a real HTTP server on loopback for tests, for demonstrations, and for
 * whoever develops a sub-updater without a server at hand. It is strict where a client can be wrong,
 * and keeps a journal of what it saw. Beside it a writer of Artifacts. No other folder of the library
 * uses this one.
 *
 * @module
 */
export { startServer } from "./server/server.ts";
export type {
  DeploymentRequest,
  MenderServer,
  ServerArtifact,
  ServerDeployment,
  ServerDeploymentRow,
  ServerDevice,
} from "./server/mender_server.ts";
export type { Interceptor, NextVersion, ServerOptions } from "./server/server_options.ts";
export { RemoteSession } from "./server/remote/remote_session.ts";
export { Journal, type JournalEntry, type WaitForOptions } from "./server/journal.ts";
export { type RefusalCode, ServerRefusal } from "./server/refusal.ts";
export type { DeviceStatus } from "./server/records/device_registry.ts";
export type { DeploymentPhase } from "./server/records/deployment_book.ts";
export type {
  AuthSetRecord,
  AuthSetStatus,
  DeploymentLogMessage,
  InventoryAttribute,
  StatusChange,
} from "./server/records/state.ts";
export { HttpExchange } from "../runtime/http/http_exchange.ts";
export {
  type ArtifactAugmentSpec,
  artifactChunks,
  type ArtifactFileSpec,
  type ArtifactSpec,
  seededContent,
  writeArtifact,
} from "./artifact_writer.ts";
