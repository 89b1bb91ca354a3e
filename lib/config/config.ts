import { ConfigError } from "../core/errors.ts";
import { type LogLevel, parseLogLevel } from "../core/logger.ts";
import type { Paths } from "./paths.ts";
import type { ResolvedKeys } from "./resolve_keys.ts";
import { isUnprotected, normalServerUrl } from "./server_url.ts";

/** `mender.conf`, both files merged and checked; waits in milliseconds. */
export interface Config {
  /** Base URLs in the order in which they are tried, without slashes at the end; may be empty. */
  readonly servers: readonly string[];
  /** Secret that names the tenant of a hosted server. */
  readonly tenantToken: string | undefined;
  /** PEM file of certificates that are trusted in addition to the system's. */
  readonly caFile: string | undefined;
  /** Whether any server certificate is accepted. */
  readonly skipVerify: boolean;
  /** PEM files for mutual TLS. */
  readonly clientCertificate:
    | { readonly certificateFile: string; readonly keyFile: string }
    | undefined;
  /** Key that signs instead of the one in the data directory; it is never made or replaced. */
  readonly authPrivateKeyFile: string | undefined;
  /** Between two questions for a deployment. */
  readonly updatePollMs: number;
  /** Between two inventories. */
  readonly inventoryPollMs: number;
  /** Longest wait before a failed call is tried again. */
  readonly retryPollMs: number;
  /** Longest random wait before the first contact after a start; 0 = none. */
  readonly firstContactSpreadMs: number;
  /** File that holds `device_type=...`. */
  readonly deviceTypeFile: string;
  /** Public keys; when there is one, every Artifact must be signed. */
  readonly artifactVerifyKeyFiles: readonly string[];
  /** Directory of deployment logs. */
  readonly updateLogDirectory: string;
  /** Level when the command line names none. */
  readonly logLevel: LogLevel | undefined;
  /** Whether other programs get the token, and set maps, over the D-Bus. */
  readonly isBusEnabled: boolean;
  /** Attempts in a row without progress after which a download is given up. */
  readonly downloadMaxTries: number;
  /** Longest time for one download. */
  readonly downloadGiveUpMs: number;
  /** Highest mean rate of a download in bytes per second; 0 = no limit. */
  readonly downloadBytesPerSecond: number;
  /** How the sub-updater is started; `auto` takes systemd where it runs the machine. */
  readonly handoffRunner: "auto" | "systemd" | "fork";
  /** Longest wait for the outcome of a sub-updater that does not run any more; 0 = no limit. */
  readonly handoffTimeoutMs: number;
  /** Life of an Update Control Map that is not set again. */
  readonly mapLifeMs: number;
  /** Life, from a start on, of the maps that were set before it. */
  readonly mapBootLifeMs: number;
  /** How identity values are written; `auto` decides once. */
  readonly identityFormat: "auto" | "array" | "scalar";
}

/** Makes the {@link Config} of merged keys; adds what is wrong across keys to their lists. */
export function buildConfig(keys: ResolvedKeys, paths: Paths): Config {
  refuseHardwareKeys(keys);
  const keyFile = text(keys, "HttpsClient.Key");
  return {
    servers: serversOf(keys),
    tenantToken: text(keys, "TenantToken")?.trim() || undefined,
    caFile: text(keys, "ServerCertificate"),
    skipVerify: keys.settings.get("SkipVerify")?.value === true,
    clientCertificate: clientCertificateOf(keys),
    authPrivateKeyFile: text(keys, "Security.AuthPrivateKey") ?? keyFile,
    updatePollMs: milliseconds(keys, "UpdatePollIntervalSeconds"),
    inventoryPollMs: milliseconds(keys, "InventoryPollIntervalSeconds"),
    retryPollMs: milliseconds(keys, "RetryPollIntervalSeconds"),
    firstContactSpreadMs: milliseconds(keys, "FirstContactSpreadSeconds"),
    deviceTypeFile: text(keys, "DeviceTypeFile") ?? paths.deviceType,
    artifactVerifyKeyFiles: verifyKeysOf(keys),
    updateLogDirectory: text(keys, "UpdateLogPath") ?? paths.dataDirectory,
    logLevel: logLevelOf(keys),
    isBusEnabled: keys.settings.get("DBus.Enabled")?.value !== false,
    downloadMaxTries: Number(keys.settings.get("DownloadMaxTries")?.value),
    downloadGiveUpMs: milliseconds(keys, "DownloadGiveUpSeconds"),
    downloadBytesPerSecond: Number(keys.settings.get("DownloadRateBytesPerSecond")?.value),
    handoffRunner: keys.settings.get("HandoffRunner")?.value as Config["handoffRunner"],
    handoffTimeoutMs: milliseconds(keys, "HandoffTimeoutSeconds"),
    mapLifeMs: mapLifeOf(keys),
    mapBootLifeMs: milliseconds(keys, "UpdateControlMapBootExpirationTimeSeconds"),
    identityFormat: keys.settings.get("IdentityFormat")?.value as Config["identityFormat"],
  };
}

/**
 * The servers of a configuration that needs one.
 *
 * @throws {ConfigError} `config.missing-server`: none is configured.
 */
export function requireServers(config: Config): readonly string[] {
  if (config.servers.length > 0) return config.servers;
  throw new ConfigError("config.missing-server", "Cannot reach a server: none is configured", {
    hint: 'Set "ServerURL" in mender.conf',
    retry: "never",
  });
}

/** A text that is set; `""` means unset, as in mender. */
function text(keys: ResolvedKeys, name: string): string | undefined {
  const value = keys.settings.get(name)?.value;
  return typeof value === "string" && value !== "" ? value : undefined;
}

function milliseconds(keys: ResolvedKeys, name: string): number {
  return Number(keys.settings.get(name)?.value) * 1000;
}

/** As in mender, a map lives for two polls when nothing else is said. */
function mapLifeOf(keys: ResolvedKeys): number {
  const name = "UpdateControlMapExpirationTimeSeconds";
  const isSet = keys.settings.get(name)?.value !== undefined;
  return isSet ? milliseconds(keys, name) : 2 * milliseconds(keys, "UpdatePollIntervalSeconds");
}

function serversOf(keys: ResolvedKeys): string[] {
  const single = text(keys, "ServerURL");
  const several = (keys.settings.get("Servers")?.value ?? []) as string[];
  if (single !== undefined && several.length > 0) addConflict(keys, "ServerURL", "Servers");
  const [name, written] = single === undefined ? ["Servers", several] : ["ServerURL", [single]];
  const servers: string[] = [];
  for (const item of written) {
    const checked = normalServerUrl(item);
    if ("reason" in checked) {
      const where = keys.settings.get(name)?.path;
      addProblem(
        keys,
        "config.bad-server-url",
        `Cannot use ${name} of ${where}: ${checked.reason}`,
      );
      continue;
    }
    if (isUnprotected(checked.url)) {
      keys.warnings.push(`${name}: what is sent to ${checked.url} can be read on the way`);
    }
    if (!servers.includes(checked.url)) servers.push(checked.url);
  }
  return servers;
}

function verifyKeysOf(keys: ResolvedKeys): string[] {
  const single = text(keys, "ArtifactVerifyKey");
  const several = (keys.settings.get("ArtifactVerifyKeys")?.value ?? []) as string[];
  if (keys.settings.get("ArtifactVerifyKey")?.value === "") {
    keys.warnings.push("ArtifactVerifyKey is empty, which counts as not set");
  }
  if (single === undefined || several.length === 0) {
    return single === undefined ? several : [single];
  }
  const { source } = keys.settings.get("ArtifactVerifyKeys")!;
  if (source === "main" && keys.settings.get("ArtifactVerifyKey")!.source === "fallback") {
    // Go lets the list replace the other form of the fallback, but not the other way round.
    keys.warnings.push("ArtifactVerifyKeys replaces ArtifactVerifyKey of the fallback file");
  } else addConflict(keys, "ArtifactVerifyKey", "ArtifactVerifyKeys");
  return several;
}

function clientCertificateOf(keys: ResolvedKeys): Config["clientCertificate"] {
  const certificateFile = text(keys, "HttpsClient.Certificate");
  const keyFile = text(keys, "HttpsClient.Key");
  if (certificateFile === undefined) return undefined;
  if (keyFile !== undefined) return { certificateFile, keyFile };
  addProblem(
    keys,
    "config.missing-client-key",
    "Cannot use HttpsClient.Certificate: HttpsClient.Key is not set",
  );
  return undefined;
}

function refuseHardwareKeys(keys: ResolvedKeys): void {
  const engines = ["HttpsClient.SSLEngine", "Security.SSLEngine"];
  const files = ["HttpsClient.Certificate", "HttpsClient.Key", "Security.AuthPrivateKey"];
  for (const name of [...files, ...engines]) {
    const value = text(keys, name);
    if (value === undefined || (!engines.includes(name) && !/^pkcs11:/i.test(value))) continue;
    addProblem(
      keys,
      "config.hardware-key",
      `Cannot use ${name} of ${keys.settings.get(name)?.path}: keys in hardware are not supported`,
      "Name a PEM file instead",
    );
  }
}

function logLevelOf(keys: ResolvedKeys): LogLevel | undefined {
  const written = text(keys, "DaemonLogLevel");
  if (written === undefined) return undefined;
  const level = parseLogLevel(written);
  if (level !== undefined) return level;
  keys.warnings.push(`DaemonLogLevel ${JSON.stringify(written)} is not known; info is used`);
  return "info";
}

function addConflict(keys: ResolvedKeys, one: string, other: string): void {
  const places = [one, other].map((name) => `${name} of ${keys.settings.get(name)?.path}`);
  addProblem(
    keys,
    "config.conflict",
    `Cannot use ${places.join(" together with ")}: only one of them may be set`,
  );
}

function addProblem(keys: ResolvedKeys, code: string, message: string, hint?: string): void {
  keys.problems.push(
    new ConfigError(code, message, { retry: "never", ...(hint === undefined ? {} : { hint }) }),
  );
}
