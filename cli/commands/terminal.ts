import { trustOf } from "../../lib/device/trust.ts";
import { type ConnectConfig, loadConnectConfig } from "../../lib/config/mod.ts";
import { runRemoteAccess } from "../../lib/connect/remote_access.ts";
import { shellCommand } from "../../lib/connect/terminal/shell_command.ts";
import type { CommandContext } from "../command_context.ts";
import { Interrupted } from "../interrupted.ts";
import { openTokens } from "../open_tokens.ts";
import { answerOf } from "./ask_daemon.ts";

/** Offers remote access until a signal; ends at once when nothing is switched on. */
export async function terminal(context: CommandContext): Promise<number> {
  const { drivers, paths, logger, signal } = context;
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
  const opened = await openTokens(context, config, connect.tokenSource);
  try {
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
    await opened.close();
  }
  // A service that is stopped has not failed.
  if (signal.reason instanceof Interrupted && signal.reason.signal === "SIGTERM") return 0;
  throw signal.reason;
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
