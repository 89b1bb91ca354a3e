import type { ResolvedKeys } from "./resolve_keys.ts";

/** Limits of file transfer in `mender-connect.conf`; `0`, `""` and `[]` mean no limit. */
export interface TransferLimits {
  /** The only directory that may be reached. */
  readonly chroot: string;
  /** Owner of files that are put. */
  readonly ownerPut: string;
  /** Group of files that are put. */
  readonly groupPut: string;
  /** Octal mask of files that are put. */
  readonly umask: string;
  /** Only files of these owners may be got. */
  readonly ownerGet: readonly string[];
  /** Only files of these groups may be got. */
  readonly groupGet: readonly string[];
  /** Whether symbolic links may be followed. */
  readonly followSymLinks: boolean;
  /** Whether files may be replaced. */
  readonly allowOverwrite: boolean;
  /** Whether set-id files may be put. */
  readonly allowSuid: boolean;
  /** Whether anything but regular files is refused. */
  readonly regularFilesOnly: boolean;
  /** Largest file. */
  readonly maxFileSizeBytes: number;
  /** Bytes that may be sent in a minute. */
  readonly maxSentBytesPerMinute: number;
  /** Bytes that may be received in a minute. */
  readonly maxReceivedBytesPerMinute: number;
}

/** `mender-connect.conf`, both files merged and checked; waits in milliseconds, 0 = no limit. */
export interface ConnectConfig {
  /** The switch of mender-python-client, or `undefined` when it is not there. */
  readonly remoteTerminal: boolean | undefined;
  /** Program of a session. */
  readonly shellCommand: string;
  /** Its arguments. */
  readonly shellArguments: readonly string[];
  /** User that a session runs as. */
  readonly user: string | undefined;
  /** Terminal sessions. */
  readonly terminal: {
    readonly isDisabled: boolean;
    readonly columns: number;
    readonly rows: number;
  };
  /** How long sessions live, and how many one user may have. */
  readonly sessions: {
    readonly stopExpired: boolean;
    readonly expireAfterMs: number;
    readonly expireAfterIdleMs: number;
    readonly maxPerUser: number;
  };
  /** Wait before a lost connection is made again. */
  readonly reconnectMs: number;
  /** Whether file transfer is refused. */
  readonly isFileTransferDisabled: boolean;
  /** Whether port forwarding is refused. */
  readonly isPortForwardDisabled: boolean;
  /** Whether check-update and send-inventory are refused. */
  readonly isMenderClientDisabled: boolean;
  /** Limits, or `undefined` when they are not switched on. */
  readonly transferLimits: TransferLimits | undefined;
}

/** Idle sessions end after this time when nothing else is said (mender-connect, `config.go`). */
const DEFAULT_IDLE_MS = 600_000;

/** Makes the {@link ConnectConfig} of merged keys; adds what is doubtful to their warnings. */
export function buildConnectConfig(keys: ResolvedKeys): ConnectConfig {
  const get = (name: string): unknown => keys.settings.get(name)?.value;
  const text = (name: string): string => String(get(name) ?? "");
  const number = (name: string): number => Number(get(name));
  return {
    remoteTerminal: get("RemoteTerminal") as boolean | undefined,
    shellCommand: text("ShellCommand") || "/bin/sh",
    shellArguments: get("ShellArguments") as string[],
    user: text("User") || undefined,
    terminal: {
      isDisabled: get("Terminal.Disable") === true,
      columns: number("Terminal.Width"),
      rows: number("Terminal.Height"),
    },
    sessions: sessionsOf(keys, get("Sessions.StopExpired") === true, number),
    reconnectMs: number("ReconnectIntervalSeconds") * 1000,
    isFileTransferDisabled: get("FileTransfer.Disable") === true,
    isPortForwardDisabled: get("PortForward.Disable") === true,
    isMenderClientDisabled: get("MenderClient.Disable") === true,
    transferLimits: get("Limits.Enabled") !== true ? undefined : {
      chroot: text("Limits.FileTransfer.Chroot"),
      ownerPut: text("Limits.FileTransfer.OwnerPut"),
      groupPut: text("Limits.FileTransfer.GroupPut"),
      umask: text("Limits.FileTransfer.Umask"),
      ownerGet: get("Limits.FileTransfer.OwnerGet") as string[],
      groupGet: get("Limits.FileTransfer.GroupGet") as string[],
      followSymLinks: get("Limits.FileTransfer.FollowSymLinks") === true,
      allowOverwrite: get("Limits.FileTransfer.AllowOverwrite") === true,
      allowSuid: get("Limits.FileTransfer.AllowSuid") === true,
      regularFilesOnly: get("Limits.FileTransfer.RegularFilesOnly") === true,
      maxFileSizeBytes: number("Limits.FileTransfer.MaxFileSize"),
      maxSentBytesPerMinute: number("Limits.FileTransfer.Counters.MaxBytesTxPerMinute"),
      maxReceivedBytesPerMinute: number("Limits.FileTransfer.Counters.MaxBytesRxPerMinute"),
    },
  };
}

function sessionsOf(
  keys: ResolvedKeys,
  stopExpired: boolean,
  number: (name: string) => number,
): ConnectConfig["sessions"] {
  const expireAfterMs = number("Sessions.ExpireAfter") * 1000;
  const idleMs = number("Sessions.ExpireAfterIdle") * 1000;
  if (expireAfterMs > 0 && idleMs > 0) {
    keys.warnings.push("Sessions.ExpireAfter and Sessions.ExpireAfterIdle are both set");
  }
  const isIdleDefault = stopExpired && expireAfterMs === 0 && idleMs === 0;
  return {
    stopExpired,
    expireAfterMs,
    expireAfterIdleMs: isIdleDefault ? DEFAULT_IDLE_MS : idleMs,
    maxPerUser: Math.max(1, number("Sessions.MaxPerUser")),
  };
}
