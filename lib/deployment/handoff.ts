import { join } from "node:path";
import { HandoffError } from "../core/errors.ts";
import { readText } from "../runtime/files/file_driver.ts";
import { sleep } from "../runtime/clock.ts";
import { serviceScript } from "../runtime/processes/service_script.ts";
import type { DeploymentRecord, HandoffRecord } from "../store/deployment_record.ts";
import { storeFailure } from "../store/store_failure.ts";
import type { DeploymentContext } from "./context.ts";

/** How often the started script is asked for its marker; it writes three lines. */
const MARKER_CHECK_MS = 5;
/** How often it is looked at whether the script still lives. */
const LIFE_CHECK_MS = 500;

const MARKER_NAME = /^sub-updater\.[0-9A-Fa-f-]{1,64}\.started/;

/**
 * Checks that there is a sub-updater that can be started, before anything is promised to the server.
 *
 * @throws {HandoffError} `handoff.missing-sub-updater`, `handoff.not-executable`.
 */
export function checkSubUpdater(context: DeploymentContext): void {
  const { files } = context.drivers;
  const path = context.paths.installScript;
  const found = files.stat(path, { follow: true });
  if (found?.kind !== "file") {
    throw new HandoffError(
      "handoff.missing-sub-updater",
      `Cannot hand over the Artifact: there is no sub-updater at ${path}`,
      { hint: "Install a program there that takes the path of the Artifact", retry: "never" },
    );
  }
  if (!files.isExecutable(path)) {
    throw new HandoffError(
      "handoff.not-executable",
      `Cannot hand over the Artifact: ${path} is not executable`,
      { hint: `Run: chmod 755 ${path}`, retry: "never" },
    );
  }
}

/**
 * Hands the verified Artifact to the sub-updater: takes the lock, then starts the program outside
 * this process, in a session of its own, with its output appended to `sub-updater.log`. The start
 * marker that `handoff.sh` leaves is the proof of the start, whatever happens to us meanwhile; it also
 * keeps a second script for the same deployment from starting the program again.
 *
 * @param record In phase `handing_over`, stored already.
 * @returns What identifies the started program.
 * @throws {HandoffError} `handoff.not-started`: it is certain that the program does not run; the lock is
 * released again.
 * @throws {StoreError} The lock cannot be taken.
 */
export async function startSubUpdater(
  context: DeploymentContext,
  record: DeploymentRecord,
  signal: AbortSignal,
): Promise<HandoffRecord> {
  const { processes } = context.drivers;
  const { installScript, artifactFile, subUpdaterLog } = context.paths;
  context.lock.write(record.id);
  let pid: number;
  try {
    pid = processes.startDetached({
      command: serviceScript("handoff.sh"),
      args: [startMarker(context, record.id), subUpdaterLog, installScript, artifactFile],
    });
  } catch (error) {
    context.lock.remove();
    throw notStarted(installScript, error);
  }
  return await waitForMarker(context, record.id, pid, signal);
}

/**
 * The proof that the sub-updater was started for a deployment, or `undefined`. A marker that is there but
 * cannot be understood is proof as well; only the process cannot be recognised then.
 */
export function readStartMarker(
  context: DeploymentContext,
  deploymentId: string,
): HandoffRecord | undefined {
  const path = startMarker(context, deploymentId);
  try {
    const text = readText(context.drivers.files, path, 4096);
    return text === undefined ? undefined : parseStartMarker(text);
  } catch (error) {
    throw storeFailure("read the start marker", path, error);
  }
}

/** Whether the shell has told that the sub-updater could not be run. */
export function couldNotRun(context: DeploymentContext, deploymentId: string): boolean {
  return context.drivers.files.stat(`${startMarker(context, deploymentId)}.failed`) !== undefined;
}

/** Removes the start markers of other deployments. */
export function clearStartMarkers(context: DeploymentContext, deploymentId: string): void {
  const { dataDirectory } = context.paths;
  const { files } = context.drivers;
  try {
    for (const name of files.list(dataDirectory)) {
      const path = join(dataDirectory, name);
      if (MARKER_NAME.test(name) && path !== startMarker(context, deploymentId)) files.remove(path);
    }
  } catch (error) {
    throw storeFailure("remove old start markers", dataDirectory, error);
  }
}

/** Whether the program that a hand-off started still runs, in this boot of the machine. */
export async function isStillRunning(
  context: DeploymentContext,
  handoff: HandoffRecord | undefined,
): Promise<boolean> {
  if (handoff?.pid === undefined) return false;
  const { bootId, startTime } = await context.drivers.processes.identify(handoff.pid);
  return bootId === handoff.bootId && startTime !== undefined && startTime === handoff.startTime;
}

/**
 * Waits until the script has left its marker. However slow the machine is, nothing is concluded from
 * time: only a script that is gone without a marker has not started the program.
 */
async function waitForMarker(
  context: DeploymentContext,
  deploymentId: string,
  pid: number,
  signal: AbortSignal,
): Promise<HandoffRecord> {
  const { clock } = context.drivers;
  const startedAt = clock.monotonic();
  let lifeCheckAt = startedAt + LIFE_CHECK_MS;
  for (;;) {
    const proof = lookForMarker(context, deploymentId);
    if (proof.state === "there") return proof.handoff;
    if (clock.monotonic() >= lifeCheckAt) {
      const bootId = await bootIdAfterEnd(context, pid);
      if (bootId !== undefined) return concludeFromEnd(context, deploymentId, { pid, bootId });
      lifeCheckAt = clock.monotonic() + LIFE_CHECK_MS;
    }
    const isSlow = clock.monotonic() - startedAt > LIFE_CHECK_MS;
    await sleep(clock, isSlow ? LIFE_CHECK_MS / 5 : MARKER_CHECK_MS, signal);
  }
}

/** The boot ID when the script has ended; `undefined` while it lives, and when that cannot be told. */
async function bootIdAfterEnd(
  context: DeploymentContext,
  pid: number,
): Promise<string | undefined> {
  try {
    const { startTime, bootId } = await context.drivers.processes.identify(pid);
    return startTime === undefined ? bootId : undefined;
  } catch (error) {
    // The sub-updater may be at work already: not to know must never look like a failure.
    context.logger.log(
      "warning",
      "Cannot tell whether the sub-updater is being started",
      {},
      error,
    );
    return undefined;
  }
}

/** The script has ended: with a marker the program was started, without one it was not. */
function concludeFromEnd(
  context: DeploymentContext,
  deploymentId: string,
  assumed: HandoffRecord,
): HandoffRecord {
  const proof = lookForMarker(context, deploymentId);
  if (proof.state === "there") return proof.handoff;
  // It cannot be ruled out: then it counts as started, because to start it twice would be worse.
  if (proof.state === "unreadable") return assumed;
  context.lock.remove();
  throw notStarted(context.paths.installScript);
}

function lookForMarker(
  context: DeploymentContext,
  deploymentId: string,
): { state: "there"; handoff: HandoffRecord } | { state: "absent" | "unreadable" } {
  try {
    const handoff = readStartMarker(context, deploymentId);
    return handoff === undefined ? { state: "absent" } : { state: "there", handoff };
  } catch (error) {
    context.logger.log("debug", "The start marker cannot be read yet", {}, error);
    return { state: "unreadable" };
  }
}

function notStarted(installScript: string, cause?: unknown): HandoffError {
  return new HandoffError("handoff.not-started", `Cannot start ${installScript}`, {
    cause,
    retry: "never",
  });
}

function startMarker(context: DeploymentContext, deploymentId: string): string {
  return join(context.paths.dataDirectory, `sub-updater.${deploymentId}.started`);
}

function parseStartMarker(text: string): HandoffRecord {
  const [pid = "", bootId = "", startTime = ""] = text.split("\n");
  return {
    bootId,
    ...(/^[1-9]\d{0,9}$/.test(pid) && { pid: Number(pid) }),
    ...(startTime !== "" && { startTime }),
  };
}
