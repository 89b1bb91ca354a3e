import { dirname, join } from "../../lib/core/posix_path.ts";
import { UsageError } from "../../lib/core/errors.ts";
import { storeFailure } from "../../lib/store/store_failure.ts";
import type { CommandContext } from "../command_context.ts";
import { isForeign, rootOf } from "./image.ts";

/** Clients from which a device can move, and what systemd calls them. */
export const EARLIER_CLIENTS = { python: "mender-python-client", mender: "mender-client" } as const;

/** One of {@link EARLIER_CLIENTS}. */
export type EarlierClient = keyof typeof EARLIER_CLIENTS;

/** The command of mender-python-client, whose name becomes one of ours. */
export const OLD_COMMAND = "/usr/bin/mender-python-client";

/**
 * Checks that a device has what an earlier client leaves, and moves that client's command aside where its
 * name is needed.
 *
 * @param isDryRun Nothing is moved.
 * @throws {UsageError} `usage.setup`: nothing of that client is here.
 * @throws {StoreError} Its command cannot be moved.
 */
export function takeOver(context: CommandContext, from: EarlierClient, isDryRun: boolean): void {
  const { drivers: { files, self }, paths } = context;
  const left = from === "python" ? paths.legacyDeploymentLog : paths.menderStore;
  if ([left, paths.key].every((path) => files.stat(path) === undefined)) {
    throw new UsageError(
      "usage.setup",
      `Cannot move from ${EARLIER_CLIENTS[from]}: it was not here`,
      {
        hint: `Neither ${left} nor ${paths.key} is there`,
      },
    );
  }
  if (from !== "python") return;
  if (!isForeign(context, OLD_COMMAND)) return;
  const command = commandOf(context);
  self.writeOut(`${isDryRun ? "Would move" : "Moved"} ${command} to ${command}.old\n`);
  if (!isDryRun) move(context, command, `${command}.old`);
}

/** What to do before the units are started. */
export function stopHint(from: EarlierClient): string {
  return `Stop the old client first: systemctl disable --now ${EARLIER_CLIENTS[from]}\n`;
}

/** Puts back, at an uninstall, the command that {@link takeOver} has moved aside. */
export function giveBack(context: CommandContext, isDryRun: boolean): void {
  const { drivers: { files, self } } = context;
  const command = commandOf(context);
  if (files.stat(`${command}.old`) === undefined) return;
  if (!isDryRun && files.stat(command) !== undefined) return;
  self.writeOut(`${isDryRun ? "Would put back" : "Put back"} ${command}\n`);
  if (!isDryRun) move(context, `${command}.old`, command);
}

function commandOf(context: CommandContext): string {
  return join(rootOf(context), OLD_COMMAND);
}

function move({ drivers: { files } }: CommandContext, from: string, to: string): void {
  try {
    files.rename(from, to);
    files.syncDirectory(dirname(to));
  } catch (error) {
    throw storeFailure("move the old command to", to, error);
  }
}
