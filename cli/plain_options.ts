/** An option that is described without the CLI library: for a line that is read without it. */
export interface PlainOption {
  /** As the CLI library wants it: `-c, --config <file>`. */
  readonly flags: string;
  /** What it does. */
  readonly description: string;
  /** The values that it takes, when they are few. */
  readonly choices?: readonly string[];
}

/** Options that every command takes, before or after its name (architecture section 3). */
export const GLOBAL_OPTIONS: readonly PlainOption[] = [
  { flags: "--root <dir>", description: "directory under which all default paths lie" },
  { flags: "-c, --config <file>", description: "main configuration" },
  { flags: "-b, --fallback-config <file>", description: "fallback configuration" },
  { flags: "-d, --data <dir>", description: "state directory" },
  { flags: "-L, --log-file <file>", description: "write the log to a file too" },
  {
    flags: "-l, --log-level <level>",
    description: "trace, debug, info, warning, error or fatal",
  },
  { flags: "--log-format <format>", description: "form of the log", choices: ["text", "json"] },
  {
    flags: "-E, --trusted-certs <file>",
    description: "certificates to trust, in addition to the system's",
  },
  { flags: "--skipverify", description: "accept any server certificate" },
  { flags: "-F, --forcebootstrap", description: "make a new device key" },
  { flags: "--no-syslog", description: "accepted for compatibility" },
  { flags: "--verbose", description: "show the causes of an error" },
];

/** Options of `report`. */
export const REPORT_OPTIONS: readonly PlainOption[] = [
  { flags: "--success", description: "the update is installed" },
  { flags: "--failure", description: "the update failed; uploads the logs" },
  {
    flags: "--status <status>",
    description: "what the sub-updater is about to do; no outcome",
    choices: ["installing", "rebooting"],
  },
  { flags: "--message <text>", description: "why, for the deployment log" },
];

/** Options of `daemon`. */
export const DAEMON_OPTIONS: readonly PlainOption[] = [
  { flags: "--once", description: "authenticate, send the inventory, check once, then end" },
  { flags: "--stay", description: "go on after a hand-off instead of ending" },
];
