/**
 * All keys of both configuration files, of every Mender client: the only place that lists them.
 *
 * @see contracts/configuration.md section 2 and section 4
 * @module
 */
import type { KeySpec } from "./key_spec.ts";

/** Keys of `mender.conf`. */
export const MENDER_KEYS: readonly KeySpec[] = [
  honoured("ServerURL", "url", "base URL of the server"),
  honoured("Servers", "servers", "servers in the order in which they are tried"),
  { ...honoured("TenantToken", "text", "names the tenant of a hosted server"), isSecret: true },
  honoured("ServerCertificate", "path", "PEM trusted in addition to the system's"),
  { ...honoured("SkipVerify", "flag", "accepts any server certificate"), fallback: false },
  honoured("HttpsClient.Certificate", "path", "client certificate for mutual TLS"),
  honoured("HttpsClient.Key", "path", "key of the client certificate; also signs, as in mender"),
  honoured("HttpsClient.SSLEngine", "text", "hardware keys; refused"),
  honoured("Security.AuthPrivateKey", "path", "device key that is never made or replaced"),
  honoured("Security.SSLEngine", "text", "hardware keys; refused"),
  seconds("UpdatePollIntervalSeconds", 1800, "between two questions for a deployment"),
  seconds("InventoryPollIntervalSeconds", 28800, "between two inventories"),
  seconds("RetryPollIntervalSeconds", 300, "longest wait before a failed call is tried again"),
  { ...honoured("DeviceTypeFile", "path", "holds device_type=\u2026"), fallbackPath: "deviceType" },
  honoured("ArtifactVerifyKey", "path", "public key that an Artifact must be signed with"),
  honoured("ArtifactVerifyKeys", "paths", "public keys; an Artifact must be signed with one"),
  {
    ...honoured("UpdateLogPath", "path", "directory of deployment logs"),
    fallbackPath: "dataDirectory",
  },
  honoured(
    "UpdateControlMapExpirationTimeSeconds",
    "count",
    "life of an Update Control Map; twice UpdatePollIntervalSeconds when absent",
  ),
  {
    ...honoured(
      "UpdateControlMapBootExpirationTimeSeconds",
      "count",
      "life, from a start on, of a map that was set before",
    ),
    fallback: 600,
  },
  {
    ...honoured("DBus.Enabled", "flag", "offers the services of a Mender client on the system bus"),
    fallback: true,
  },
  honoured("DaemonLogLevel", "text", "log level when none is given on the command line"),

  {
    ...own("IdentityFormat", "choice", "how identity values are written"),
    choices: ["auto", "array", "scalar"],
    fallback: "auto",
  },
  {
    ...own("FirstContactSpreadSeconds", "count", "longest random wait at a start; 0 = none"),
    fallback: 20,
  },
  {
    ...own("DownloadMaxTries", "count", "attempts in a row without progress, then a failure"),
    fallback: 20,
    least: 1,
  },
  {
    ...own("DownloadGiveUpSeconds", "seconds", "longest time for one download, then a failure"),
    fallback: 86400,
  },
  {
    ...own("DownloadRateBytesPerSecond", "count", "highest mean rate of a download; 0 = no limit"),
    fallback: 0,
  },
  {
    ...own("HandoffRunner", "choice", "how the sub-updater is started"),
    choices: ["auto", "systemd", "fork"],
    fallback: "auto",
  },
  {
    ...own("HandoffTimeoutSeconds", "count", "longest wait for its outcome; 0 = no limit"),
    fallback: 86400,
  },

  known("Connectivity.DisableKeepAlive", "flag"),
  known("Connectivity.IdleConnTimeoutSeconds", "count"),
  known("RetryPollCount", "count"),
  known("RetryDownloadCount", "count"),
  known("UpdateControlMapPollIntervalSeconds", "count"),
  known("DeviceTier", "text"),
  known("RootfsPartA", "path"),
  known("RootfsPartB", "path"),
  known("BootUtilitiesSetActivePart", "text"),
  known("BootUtilitiesGetNextActivePart", "text"),
  known("StateScriptTimeoutSeconds", "count"),
  known("StateScriptRetryIntervalSeconds", "count"),
  known("StateScriptRetryTimeoutSeconds", "count"),
  known("ModuleTimeoutSeconds", "count"),
  known("RemoteTerminal", "looseFlag"),
  known("ShellCommand", "path"),
  known("User", "text"),
];

/** Keys of `mender-connect.conf`. */
export const CONNECT_KEYS: readonly KeySpec[] = [
  honoured("RemoteTerminal", "looseFlag", "offers terminals, and nothing else"),
  { ...honoured("ShellCommand", "path", "program of a session"), fallback: "/bin/sh" },
  { ...honoured("ShellArguments", "texts", "its arguments"), fallback: ["-l"] },
  honoured("User", "text", "user that a session runs as"),
  {
    ...own("TokenSource", "choice", "who authenticates: the Mender client on the D-Bus, our key"),
    choices: ["auto", "bus", "key"],
    fallback: "auto",
  },
  { ...count("Terminal.Width", 80, "columns before the first resize"), least: 1 },
  { ...count("Terminal.Height", 40, "rows before the first resize"), least: 1 },
  asked("Terminal.Disable", "terminals"),
  flag("Sessions.StopExpired", true, "ends sessions that are over their limits"),
  count("Sessions.ExpireAfter", 86400, "seconds that a session may last; 0 = no limit"),
  count("Sessions.ExpireAfterIdle", 600, "seconds without input and output; 0 = no limit"),
  count("Sessions.MaxPerUser", 0, "sessions of one user; 0 = 1"),
  seconds("ReconnectIntervalSeconds", 5, "longest wait between attempts to connect; 60 at least"),
  asked("FileTransfer.Disable", "file transfer"),
  asked("PortForward.Disable", "port forwarding"),
  asked("MenderClient.Disable", "check-update and send-inventory"),
  flag("Limits.Enabled", false, "switches on the limits below"),
  honoured("Limits.FileTransfer.Chroot", "path", "the only directory that may be reached"),
  honoured("Limits.FileTransfer.OwnerPut", "text", "owner of files that are put"),
  honoured("Limits.FileTransfer.GroupPut", "text", "group of files that are put"),
  honoured("Limits.FileTransfer.Umask", "text", "octal mask of files that are put"),
  { ...honoured("Limits.FileTransfer.OwnerGet", "texts", "only files of these"), fallback: [] },
  { ...honoured("Limits.FileTransfer.GroupGet", "texts", "only files of these"), fallback: [] },
  flag("Limits.FileTransfer.FollowSymLinks", false, "allows symbolic links"),
  flag("Limits.FileTransfer.AllowOverwrite", false, "allows to replace files"),
  flag("Limits.FileTransfer.AllowSuid", false, "allows set-id files"),
  flag("Limits.FileTransfer.RegularFilesOnly", false, "refuses anything but regular files"),
  count("Limits.FileTransfer.MaxFileSize", 0, "bytes of one file; 0 = no limit"),
  count("Limits.FileTransfer.Counters.MaxBytesTxPerMinute", 0, "bytes sent; 0 = no limit"),
  count("Limits.FileTransfer.Counters.MaxBytesRxPerMinute", 0, "bytes received; 0 = no limit"),

  // mender-connect overwrites the first two, and has ignored the others since 1.0.
  known("Limits.FileTransfer.PreserveMode", "flag"),
  known("Limits.FileTransfer.PreserveOwner", "flag"),
  known("ServerURL", "url"),
  known("Servers", "servers"),
  known("ServerCertificate", "path"),
  known("HttpsClient.Certificate", "path"),
  known("HttpsClient.Key", "path"),
  known("HttpsClient.SSLEngine", "text"),
  known("SkipVerify", "flag"),
  known("ClientProtocol", "text"),
];

function honoured(name: string, kind: KeySpec["kind"], meaning: string): KeySpec {
  return { name, kind, use: "honoured", meaning };
}

function own(name: string, kind: KeySpec["kind"], meaning: string): KeySpec {
  return { name, kind, use: "own", meaning };
}

function known(name: string, kind: KeySpec["kind"]): KeySpec {
  return { name, kind, use: "known", meaning: "for other Mender clients" };
}

function seconds(name: string, fallback: number, meaning: string): KeySpec {
  return { ...honoured(name, "seconds", meaning), fallback };
}

function count(name: string, fallback: number, meaning: string): KeySpec {
  return { ...honoured(name, "count", meaning), fallback };
}

/** Without a word in a file it is off; `false` switches it on. */
function asked(section: string, what: string): KeySpec {
  return honoured(section, "flag", `\`false\` offers ${what}, \`true\` refuses`);
}

function flag(name: string, fallback: boolean, meaning: string): KeySpec {
  return { ...honoured(name, "flag", meaning), fallback };
}
