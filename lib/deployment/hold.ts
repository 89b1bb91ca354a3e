import { sendStatus } from "../api/deployment_calls.ts";
import type { ControlState } from "../control/control_map.ts";
import type { DeploymentStatus } from "../core/deployment_status.ts";
import { isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { DeploymentContext } from "./context.ts";
import { forcedFailure } from "./forced_failure.ts";
import type { DeploymentJournal } from "./lifecycle/journal.ts";
import { whileWanted, Withdrawn } from "./watch_withdrawal.ts";

/** What the server is told of a deployment that is held at a point. */
export const HELD_STATUS: Readonly<Record<ControlState, DeploymentStatus>> = {
  ArtifactInstall_Enter: "pause_before_installing",
  ArtifactReboot_Enter: "pause_before_rebooting",
  ArtifactCommit_Enter: "pause_before_committing",
};

const STATE = "ArtifactInstall_Enter";

/**
 * Asks the maps whether the installation may begin.
 *
 * @returns `undefined` when it may, else what to wait from.
 * @throws {ControlError} `control.forced-failure`: a map has the deployment fail.
 * @throws {Withdrawn} The server does not want the deployment any more.
 */
export async function askToInstall(
  context: DeploymentContext,
  deploymentId: string,
  logger: Logger,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { verdict, revision } = await context.gate.ask(deploymentId, STATE, logger, signal);
  if (verdict === "gone") throw new Withdrawn();
  if (verdict === "fail") throw forcedFailure(STATE);
  return verdict === "continue" ? undefined : revision;
}

/**
 * Waits, for as long as maps hold the installation, and asks again at each change of them.
 *
 * @param heldAt What {@link askToInstall} has returned.
 * @throws As {@link askToInstall}.
 */
export async function waitToInstall(
  context: DeploymentContext,
  journal: DeploymentJournal,
  heldAt: number,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { id } = journal.record;
  logger.log("info", `Held by update control at ${STATE}`);
  await tellHeld(context, journal, logger, signal);
  await whileWanted(context, { id, status: HELD_STATUS[STATE] }, logger, signal, async (inner) => {
    let revision: number | undefined = heldAt;
    while (revision !== undefined) {
      await context.gate.changedSince(id, revision, inner);
      revision = await askToInstall(context, id, logger, inner);
    }
  });
  logger.log("info", `Update control lets it pass ${STATE}`);
}

/** Tried once; while it is held, the server is told again every minute or so. */
async function tellHeld(
  { session, drivers }: DeploymentContext,
  journal: DeploymentJournal,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { id, announced } = journal.record;
  if (announced === undefined) return;
  try {
    const answer = await sendStatus(session, drivers.clock, id, announced, signal);
    if (answer === "gone") throw new Withdrawn();
    journal.note({ type: "told", status: announced });
  } catch (error) {
    if (signal.aborted || !isMenderError(error)) throw error;
    if (error.code.startsWith("auth.")) throw error;
    logger.log("warning", `The server could not be told "${announced}" yet`, {}, error);
  }
}
