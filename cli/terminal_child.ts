import { join } from "../lib/core/posix_path.ts";
import { keepTerminal } from "../lib/daemon/terminal_keeper.ts";
import { errnoOf, type FileDriver, readText } from "../lib/runtime/files/file_driver.ts";
import type { CommandContext } from "./command_context.ts";
import { MAIN_MODULE } from "./main_module.ts";
import { lineFlags } from "./permissions/line_flags.ts";
import { isRemoteAccessOn } from "./remote_access.ts";

const UNIT = "mender-deno-terminal.service";
const HINT = `"mender-deno setup --terminal" writes it; systemctl enable --now ${UNIT}`;

/**
 * Keeps `terminal` running beside the daemon until `signal` is aborted, where this process may start it:
 * with the rights of its own permission set. It is asked for ({@link isRemoteAccessOn}). Where systemd runs the
 * daemon, remote access has a unit of its own, outside the sandbox of the daemon. Never rejects.
 */
export async function keepTerminalChild(
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const { drivers, logger } = context;
  const isWanted = (): boolean => isRemoteAccessOn(context);
  const leaveToUnit = (): void => {
    if (drivers.files.stat(context.paths.terminalSocket) !== undefined) return; // it runs
    logger.log("info", `Remote access is switched on, and has a unit of its own: ${UNIT}`, {
      hint: HINT,
    });
  };
  if ((drivers.self.env("INVOCATION_ID") ?? "") !== "") return leaveToUnit();
  let line: readonly string[];
  try {
    line = await childCommand(context);
  } catch (error) {
    if (errnoOf(error) === "ENOTCAPABLE") return leaveToUnit();
    return logger.log("warning", "Cannot start the terminal", {}, error);
  }
  const [command = "", ...args] = line;
  await keepTerminal({
    start: () => drivers.processes.start({ command, args, isAttached: true }),
    rival: () => rivalOf(context),
    isWanted,
    tell: (line) => drivers.self.writeError(`${line}\n`),
    onForbidden: leaveToUnit,
    clock: drivers.clock,
    random: drivers.random,
    logger,
  }, signal);
}

/** The command line of the child: our own options, and its own rights. */
async function childCommand(context: CommandContext): Promise<string[]> {
  const { options, drivers } = context;
  const flags = drivers.runtime.name === "node"
    ? []
    : [...await lineFlags(context, { command: "terminal", values: [] }), "--no-prompt"];
  const values = {
    "--root": options.root,
    "--config": options.config,
    "--fallback-config": options.fallbackConfig,
    "--data": options.data,
    "--log-file": options.logFile,
    "--log-level": options.logLevel,
    "--log-format": options.logFormat,
    "--trusted-certs": options.trustedCerts,
  };
  return [
    ...drivers.self.selfCommand(MAIN_MODULE, flags),
    ...Object.entries(values).flatMap(([name, value]) => value === undefined ? [] : [name, value]),
    ...options.skipverify === true ? ["--skipverify"] : [],
    "terminal",
    "--attached",
  ];
}

/** Who offers remote access on this device already. */
async function rivalOf({ drivers, paths }: CommandContext): Promise<string | undefined> {
  try {
    (await drivers.sockets.connectUnix(paths.terminalSocket, { timeoutMs: 2000 })).close();
    return "the terminal that runs already";
  } catch {
    // Nobody listens there.
  }
  return runsMenderConnect(drivers.files, paths.processes) ? "mender-connect" : undefined;
}

/** Its forwarder takes one connection, and both would answer the same sessions. */
function runsMenderConnect(files: FileDriver, processes: string): boolean {
  try {
    return files.list(processes).filter((name) => /^\d+$/.test(name)).some((pid) => {
      try {
        return readText(files, join(processes, pid, "comm"), 64)?.trim() === "mender-connect";
      } catch {
        return false; // it has ended meanwhile
      }
    });
  } catch {
    return false; // not to be seen here: the server tells two connections of one device anyway
  }
}
