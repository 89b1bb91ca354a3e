import { HandoffError } from "../../core/errors.ts";
import { serviceScript } from "../../runtime/processes/service_script.ts";
import type { HandoffRecord } from "../../store/deployment_record.ts";
import type { DeploymentContext } from "../context.ts";
import { startMarkerPath } from "./start_marker.ts";
import { isUnitAlive, startUnit, unitName } from "./systemd_unit.ts";

/** A start of the sub-updater that is under way. */
export interface BeginningHandoff {
  /** What the runner knows of the program; the start marker knows more. */
  readonly facts: Partial<HandoffRecord>;
  /**
   * Asks whether everything that could still start the program has ended.
   *
   * @returns The boot ID when that is so, `undefined` while it is not.
   */
  readonly bootIdAfterEnd: () => Promise<string | undefined>;
}

/**
 * Begins to start the sub-updater outside this process: as a unit of systemd, else detached in a session
 * of its own. `HandoffRunner: auto` takes systemd where it runs the machine, and goes the other way when
 * that fails: the start marker makes sure that of both at most one starts the program.
 *
 * @throws {HandoffError} `handoff.not-started`: nothing was started, for certain.
 */
export async function beginHandoff(
  context: DeploymentContext,
  deploymentId: string,
  signal: AbortSignal,
): Promise<BeginningHandoff> {
  const { runner } = context.handoff;
  const { files } = context.drivers;
  const isSystemd = runner === "systemd" ||
    (runner === "auto" && files.stat(context.paths.systemdRuntime)?.kind === "directory");
  if (!isSystemd) return fork(context, deploymentId);
  try {
    return await throughSystemd(context, deploymentId, signal);
  } catch (error) {
    if (runner === "systemd" || signal.aborted) throw error;
    context.logger.log(
      "warning",
      "systemd does not start the sub-updater; forking it",
      { deployment: deploymentId },
      error,
    );
    return fork(context, deploymentId);
  }
}

/** Whether the program that a hand-off started still runs, in this boot of the machine. */
export async function isStillRunning(
  context: DeploymentContext,
  handoff: HandoffRecord | undefined,
): Promise<boolean> {
  if (handoff?.pid === undefined && handoff?.unit === undefined) return false;
  const { bootId, startTime } = await context.drivers.processes.identify(handoff.pid ?? 1);
  if (bootId !== handoff.bootId) return false;
  if (handoff.pid !== undefined && startTime !== undefined && startTime === handoff.startTime) {
    return true;
  }
  return handoff.unit !== undefined && await isUnitAlive(context, handoff.unit);
}

function fork(context: DeploymentContext, deploymentId: string): BeginningHandoff {
  const { processes } = context.drivers;
  const [command = "", ...args] = handoffCommand(context, deploymentId);
  let pid: number;
  try {
    pid = processes.startDetached({ command, args });
  } catch (error) {
    throw notStarted(context, error);
  }
  return {
    facts: { pid },
    async bootIdAfterEnd() {
      const { startTime, bootId } = await processes.identify(pid);
      return startTime === undefined ? bootId : undefined;
    },
  };
}

async function throughSystemd(
  context: DeploymentContext,
  deploymentId: string,
  signal: AbortSignal,
): Promise<BeginningHandoff> {
  const unit = unitName(deploymentId);
  try {
    await startUnit(context, unit, handoffCommand(context, deploymentId), signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    // An earlier process may have asked for it: then systemd refuses a second unit of that name.
    if (!await isUnitAlive(context, unit)) throw notStarted(context, error);
  }
  return {
    facts: { unit },
    async bootIdAfterEnd() {
      if (await isUnitAlive(context, unit)) return undefined;
      return (await context.drivers.processes.identify(1)).bootId;
    },
  };
}

/** The fixed script that leaves the start marker and becomes the sub-updater; see `handoff.sh`. */
function handoffCommand(context: DeploymentContext, deploymentId: string): string[] {
  const { installScript, artifactFile, subUpdaterLog } = context.paths;
  const marker = startMarkerPath(context, deploymentId);
  return [serviceScript("handoff.sh"), marker, subUpdaterLog, installScript, artifactFile];
}

/** The error of a sub-updater that does not run, for certain. */
export function notStarted(context: DeploymentContext, cause?: unknown): HandoffError {
  return new HandoffError("handoff.not-started", `Cannot start ${context.paths.installScript}`, {
    cause,
    retry: "never",
  });
}
