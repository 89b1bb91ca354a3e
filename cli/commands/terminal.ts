import { trustOf } from "../../lib/device/trust.ts";
import { type ConnectConfig, loadConnectConfig } from "../../lib/config/mod.ts";
import { runRemoteAccess } from "../../lib/connect/remote_access.ts";
import { shellCommand } from "../../lib/connect/terminal/shell_command.ts";
import { guardInstance } from "../../lib/daemon/instance_guard.ts";
import { onAbort } from "../../lib/runtime/on_abort.ts";
import { prepareDataDirectory } from "../../lib/store/data_directory.ts";
import type { CommandContext } from "../command_context.ts";
import { Interrupted } from "../interrupted.ts";
import { type OpenTokens, openTokens } from "../open_tokens.ts";
import { answerOf } from "./ask_daemon.ts";

/** Options of `terminal`. */
export interface TerminalCommandOptions {
  /** Ends when standard input does: whoever started it holds the other end. */
  readonly attached?: true | undefined;
}

/**
 * Offers remote access until a signal; ends at once when nothing is switched on.
 *
 * @throws {InstanceError} `terminal.already-running`: another one does it on this device.
 */
export async function terminal(
  context: CommandContext,
  options: TerminalCommandOptions,
): Promise<number> {
  const { drivers, paths, logger } = context;
  const signal = options.attached === true ? untilInputEnds(context) : context.signal;
  context.outliveTerminal();
  const connect = loadConnectConfig({ files: drivers.files, paths, logger });
  const offered = Object.entries(connect.enabled).filter(([, isOn]) => isOn).map(([name]) => name);
  if (offered.length === 0) {
    logger.log(
      "warning",
      `Nothing is offered: no file asks for it, ${paths.connectConfig} neither`,
    );
    return 0;
  }
  logger.log("info", `Remote access offers ${offered.join(", ")}`);
  if (connect.enabled.terminal) lookAtShell(context, connect);
  const config = context.loadConfig();
  prepareDataDirectory(drivers.files, paths.dataDirectory);
  const instance = await guardInstance(drivers, paths.terminalSocket, {
    role: "terminal",
    pid: drivers.self.pid,
    handler: ({ do: what }) => ({
      ok: false,
      code: "control.unknown",
      message: `The terminal does not know "${what}"`,
    }),
    logger,
    signal,
  });
  let opened: OpenTokens | undefined;
  try {
    opened = await openTokens(context, config, connect.tokenSource);
    await runRemoteAccess({
      drivers,
      config: connect,
      tokens: opened.tokens,
      http: trustOf(config, paths.systemCaBundle, drivers, logger),
      waker: {
        checkUpdate: () => wakeDaemon(context, "check-update"),
        sendInventory: () => wakeDaemon(context, "send-inventory"),
      },
      logger,
    }, signal);
  } finally {
    await opened?.close();
    await instance.close();
  }
  // A service that is stopped has not failed, nor has a child whose parent has gone.
  if (signal.reason === PARENT_GONE) return 0;
  if (signal.reason instanceof Interrupted && signal.reason.signal === "SIGTERM") return 0;
  throw signal.reason;
}

const PARENT_GONE = "whoever started this program is gone";

/** Aborted by what ends the program, and by the end of standard input. */
function untilInputEnds({ drivers, signal, logger }: CommandContext): AbortSignal {
  const end = new AbortController();
  onAbort(signal, () => end.abort(signal.reason));
  void (async () => {
    try {
      for await (const _ of drivers.self.inputLines(end.signal));
    } catch (error) {
      logger.log("debug", "Standard input has broken", {}, error);
    }
    if (end.signal.aborted) return;
    logger.log("info", "The terminal ends: whoever started it is gone");
    end.abort(PARENT_GONE);
  })();
  return end.signal;
}

async function wakeDaemon(
  context: CommandContext,
  what: "check-update" | "send-inventory",
): Promise<void> {
  await answerOf(context, what);
}

/** What would keep a shell from starting is told now; whether it is mended by then, each session sees. */
function lookAtShell({ drivers, logger }: CommandContext, connect: ConnectConfig): void {
  if (connect.user === undefined) {
    logger.log("warning", "User is not set: shells run as the user of this program", {
      uid: drivers.self.uid,
    });
  }
  try {
    shellCommand(drivers.files, drivers.self.uid, connect);
  } catch (error) {
    logger.log("warning", "Terminals will be refused", {}, error);
  }
}
