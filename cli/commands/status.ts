import { isMenderError } from "../../lib/core/errors.ts";
import type { DaemonStatus, MapView } from "../../lib/daemon/daemon_status.ts";
import { deploymentFiles } from "../../lib/deployment/deployment_files.ts";
import type { CommandContext } from "../command_context.ts";
import { printable } from "../printable.ts";
import { answerOf } from "./ask_daemon.ts";

/** Options of `status`. */
export interface StatusOptions {
  readonly json?: true | undefined;
  readonly follow?: true | undefined;
}

/** What `--json` prints. */
interface StatusView {
  /** The running daemon; null when there is none. */
  readonly daemon: Omit<DaemonStatus, "deployment"> | null;
  /** The deployment in progress, or the last one. */
  readonly deployment: {
    readonly id: string;
    readonly phase: string;
    readonly artifactName?: string;
    readonly outcome?: string;
    readonly receivedBytes?: number;
    readonly totalBytes?: number;
    readonly bytesPerSecond?: number;
  } | null;
}

/**
 * Prints how daemon and deployment stand; ends with 1 when no daemon runs, or its polls are overdue. With
 * `--follow` it then prints what happens, until it is interrupted.
 */
export async function status(context: CommandContext, options: StatusOptions): Promise<number> {
  const isJson = options.json === true;
  if (options.follow === true) {
    const { followStatus } = await import("../follow_status.ts");
    return await followStatus(context, isJson, (running) => viewOf(context, running), linesOf);
  }
  const running = await askRunning(context);
  const view = viewOf(context, running);
  const { drivers } = context;
  drivers.self.writeOut(
    isJson
      ? JSON.stringify(view, null, 2) + "\n"
      : linesOf(view).map((line) => `${printable(line)}\n`).join(""),
  );
  return view.daemon === null || view.daemon.isStale ? 1 : 0;
}

async function askRunning(context: CommandContext): Promise<DaemonStatus | undefined> {
  try {
    return (await answerOf(context, "status"))["status"] as DaemonStatus;
  } catch (error) {
    if (isMenderError(error, "control.nobody")) return undefined;
    throw error;
  }
}

function viewOf(
  { drivers, paths, logger }: CommandContext,
  running: DaemonStatus | undefined,
): StatusView {
  const { deployment: live, ...daemon } = running ?? { deployment: undefined };
  const record = deploymentFiles(drivers.files, paths, logger).record.read();
  const stored = record && {
    id: record.id,
    phase: record.phase,
    ...(record.artifactName !== "" && { artifactName: record.artifactName }),
    ...(record.outcome !== undefined && { outcome: record.outcome.status }),
  };
  const isSame = live !== undefined && live.id === stored?.id && stored.outcome === undefined;
  return {
    daemon: running === undefined ? null : daemon as DaemonStatus,
    deployment: isSame ? { ...stored, ...live } : stored ?? live ?? null,
  };
}

function linesOf({ daemon, deployment }: StatusView): string[] {
  return [...daemonLines(daemon), ...deploymentLines(deployment)];
}

function daemonLines(daemon: StatusView["daemon"]): string[] {
  if (daemon === null) return ["daemon: does not run"];
  const { lastPollSecondsAgo, nextPollSeconds, nextInventorySeconds, lastFailure } = daemon;
  return [
    `daemon: runs, ${daemon.isAuthorized ? "let in" : "not let in"} by the server`,
    lastPollSecondsAgo === undefined
      ? "last poll: none yet"
      : `last poll: ${lastPollSecondsAgo} s ago${daemon.isStale ? ", overdue" : ""}`,
    nextPollSeconds === undefined
      ? "next poll: when the sub-updater has reported"
      : `next poll: in ${nextPollSeconds} s`,
    ...(nextInventorySeconds === undefined ? [] : [`next inventory: in ${nextInventorySeconds} s`]),
    ...daemon.controlMaps.map((map) => `map: ${mapText(map)}`),
    ...(lastFailure === undefined ? [] : [
      `last failure: ${lastFailure.message} (${lastFailure.code}, ${lastFailure.secondsAgo} s ago)`,
    ]),
  ];
}

function mapText({ id, priority, actions, expiresSeconds }: MapView): string {
  const said = Object.entries(actions)
    .map(([state, action]) => `${state.replace(/^Artifact|_Enter$/g, "").toLowerCase()} ${action}`);
  const life = expiresSeconds === undefined ? "expired" : `expires in ${expiresSeconds} s`;
  return `${id}, priority ${priority}, ${said.join(", ")}; ${life}`;
}

function deploymentLines(deployment: StatusView["deployment"]): string[] {
  if (deployment === null) return ["deployment: none"];
  const { id, phase, artifactName, outcome, receivedBytes, totalBytes } = deployment;
  return [
    `deployment: ${id}, ${phase}${outcome === undefined ? "" : ` (${outcome})`}`,
    ...(artifactName === undefined ? [] : [`artifact: ${artifactName}`]),
    ...(receivedBytes === undefined
      ? []
      : [`received: ${receivedBytes} of ${totalBytes ?? "unknown"} bytes`]),
  ];
}
