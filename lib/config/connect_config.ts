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

/** What of remote access is switched on. */
export interface EnabledFeatures {
  /** Terminals. */
  readonly terminal: boolean;
  /** File transfer. */
  readonly fileTransfer: boolean;
  /** Port forwarding. */
  readonly portForward: boolean;
  /** check-update and send-inventory. */
  readonly menderClient: boolean;
}

/** `mender-connect.conf`, both files merged and checked; waits in milliseconds, 0 = no limit. */
export interface ConnectConfig {
  /**
   * What is switched on. Nothing is unless a file asks for it: the terminal by `RemoteTerminal`, as for
   * mender-python-client, or by its section; the others by theirs, as `"FileTransfer": { "Disable": false }`.
   */
  readonly enabled: EnabledFeatures;
  /** Program of a session. */
  readonly shellCommand: string;
  /** Its arguments. */
  readonly shellArguments: readonly string[];
  /** User that a session runs as. */
  readonly user: string | undefined;
  /**
   * Where tokens come from: `bus`, the Mender client on the D-Bus; `key`, the device's own key; `auto`, the
   * client where there is one, else the key.
   */
  readonly tokenSource: "auto" | "bus" | "key";
  /** Terminal sessions. */
  readonly terminal: {
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
  /** Longest wait before a lost connection is made again; a minute at least is used. */
  readonly reconnectMs: number;
  /** Limits, or `undefined` when they are not switched on. */
  readonly transferLimits: TransferLimits | undefined;
}

/** Makes the {@link ConnectConfig} of merged keys; adds what is doubtful to their warnings. */
export function buildConnectConfig(keys: ResolvedKeys): ConnectConfig {
  const get = (name: string): unknown => keys.settings.get(name)?.value;
  const text = (name: string): string => String(get(name) ?? "");
  const number = (name: string): number => Number(get(name));
  return {
    enabled: enabledOf(keys),
    shellCommand: text("ShellCommand") || "/bin/sh",
    shellArguments: get("ShellArguments") as string[],
    user: text("User") || undefined,
    tokenSource: text("TokenSource") as ConnectConfig["tokenSource"],
    terminal: {
      columns: number("Terminal.Width"),
      rows: number("Terminal.Height"),
    },
    sessions: {
      stopExpired: get("Sessions.StopExpired") === true,
      expireAfterMs: number("Sessions.ExpireAfter") * 1000,
      expireAfterIdleMs: number("Sessions.ExpireAfterIdle") * 1000,
      maxPerUser: Math.max(1, number("Sessions.MaxPerUser")),
    },
    reconnectMs: number("ReconnectIntervalSeconds") * 1000,
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

function enabledOf(keys: ResolvedKeys): EnabledFeatures {
  const valueOf = (name: string): unknown => keys.settings.get(name)?.value;
  const asks = (section: string): boolean =>
    valueOf(`${section}.Disable`) !== true &&
    [...keys.settings].some(([name, { source }]) =>
      name.startsWith(`${section}.`) && source !== "default"
    );
  const isRefused = valueOf("RemoteTerminal") === false;
  if (isRefused && asks("Terminal")) {
    keys.warnings.push("RemoteTerminal is off, although there is a section Terminal: it stays off");
  }
  const isWanted = valueOf("RemoteTerminal") === true && valueOf("Terminal.Disable") !== true;
  return {
    terminal: !isRefused && (isWanted || asks("Terminal")),
    fileTransfer: asks("FileTransfer"),
    portForward: asks("PortForward"),
    menderClient: asks("MenderClient"),
  };
}
