/**
 * `mender.conf` and `mender-connect.conf`: read, merged, checked, and turned into typed values; and
 * where all well-known files are. It changes no file.
 *
 * @module
 */
export { type Config, requireServers } from "./config.ts";
export { type ConnectConfig, type EnabledFeatures, type TransferLimits } from "./connect_config.ts";
export { type ConfigDescription, configLines, describeConfig } from "./describe_config.ts";
export {
  inspectConfig,
  inspectConnectConfig,
  type InspectedConfig,
  loadConfig,
  type LoadConfigOptions,
  loadConnectConfig,
  throwProblems,
} from "./load_config.ts";
export { type PathOptions, type Paths, wellKnownPaths } from "./paths.ts";
export { hostAndPort } from "./server_url.ts";
