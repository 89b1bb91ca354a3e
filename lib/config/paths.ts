import { join } from "../core/posix_path.ts";
import { absolutePath } from "../runtime/absolute_path.ts";

/** What moves the well-known files: the global options of the command line. */
export interface PathOptions {
  /** Every default path lies under this directory; `/` when absent. */
  readonly root?: string;
  /** State directory (`--data`), taken as it is; moves all files of the state with it. */
  readonly data?: string;
  /** Main configuration (`--config`), taken as it is. */
  readonly config?: string;
  /** Fallback configuration (`--fallback-config`), taken as it is. */
  readonly fallbackConfig?: string;
}

/** Absolute paths of all files that the client reads or writes without being told in a configuration. */
export interface Paths {
  /** Main configuration; its keys win. */
  readonly mainConfig: string;
  /** Fallback configuration. */
  readonly fallbackConfig: string;
  /** Main configuration of the remote terminal. */
  readonly connectConfig: string;
  /** Fallback configuration of the remote terminal. */
  readonly connectFallbackConfig: string;
  /** Name and provides of the installed Artifact, written by the sub-updater. */
  readonly artifactInfo: string;
  /** The sub-updater. */
  readonly installScript: string;
  /** Program that prints the identity of the device. */
  readonly identityScript: string;
  /** Directory of the programs that print the inventory. */
  readonly inventoryDirectory: string;
  /** Certificates that the system trusts. */
  readonly systemCaBundle: string;
  /** Exists where systemd runs the machine (sd_booted(3)). */
  readonly systemdRuntime: string;
  /** What the kernel tells of processes. */
  readonly processes: string;
  /** State directory. */
  readonly dataDirectory: string;
  /** Default of `DeviceTypeFile`. */
  readonly deviceType: string;
  /** Private key of the device. */
  readonly key: string;
  /** Holds the ID of the deployment that is with the sub-updater. */
  readonly lock: string;
  /** Record of the current deployment. */
  readonly record: string;
  /** Artifact that is still being downloaded. */
  readonly partFile: string;
  /** Artifact that is complete and verified; the argument of the sub-updater. */
  readonly artifactFile: string;
  /** Written by the sub-updater, uploaded when it fails. */
  readonly subUpdaterLog: string;
  /** Socket by which commands talk to the running daemon. */
  readonly controlSocket: string;
  /** Socket that the one process holds that offers remote access. */
  readonly terminalSocket: string;
  /** This device's ID for Update Control Maps. */
  readonly controlMapId: string;
  /** Update Control Maps that are in effect for the daemon. */
  readonly controlMaps: string;
  /** How the identity is written, once decided: `array` or `scalar`. */
  readonly identityFormat: string;
  /** Fingerprint of the identity that was used last. */
  readonly identityFingerprint: string;
  /** Deployment log of mender-python-client, made anew at each of its starts. */
  readonly legacyDeploymentLog: string;
  /** Database of the Go and C++ clients. */
  readonly menderStore: string;
}

/**
 * Where everything is.
 *
 * Paths given by an option are taken as they are (a relative one is meant from the current
 * directory); only defaults lie under `root`. `data` moves the fallback configuration and all state.
 *
 * @see architecture section 2 and section 3
 */
export function wellKnownPaths(options: PathOptions = {}): Paths {
  const root = absolutePath(options.root ?? "/");
  const data = options.data === undefined
    ? join(root, "var/lib/mender")
    : absolutePath(options.data);
  const etc = join(root, "etc/mender");
  const share = join(root, "usr/share/mender");
  return {
    mainConfig: options.config === undefined
      ? join(etc, "mender.conf")
      : absolutePath(options.config),
    fallbackConfig: options.fallbackConfig === undefined
      ? join(data, "mender.conf")
      : absolutePath(options.fallbackConfig),
    connectConfig: join(etc, "mender-connect.conf"),
    connectFallbackConfig: join(data, "mender-connect.conf"),
    artifactInfo: join(etc, "artifact_info"),
    installScript: join(share, "install"),
    identityScript: join(share, "identity/mender-device-identity"),
    inventoryDirectory: join(share, "inventory"),
    systemCaBundle: join(root, "etc/ssl/certs/ca-certificates.crt"),
    systemdRuntime: join(root, "run/systemd/system"),
    processes: join(root, "proc"),
    dataDirectory: data,
    deviceType: join(data, "device_type"),
    key: join(data, "mender-agent.pem"),
    lock: join(data, "update.lock"),
    record: join(data, "deployment.json"),
    partFile: join(data, "artifact.mender.part"),
    artifactFile: join(data, "artifact.mender"),
    subUpdaterLog: join(data, "sub-updater.log"),
    controlSocket: join(data, "daemon.sock"),
    terminalSocket: join(data, "terminal.sock"),
    controlMapId: join(data, "control_map_id"),
    controlMaps: join(data, "control_maps.json"),
    identityFormat: join(data, "identity_format"),
    identityFingerprint: join(data, "identity_fingerprint"),
    legacyDeploymentLog: join(data, "deployment.log"),
    menderStore: join(data, "mender-store"),
  };
}
