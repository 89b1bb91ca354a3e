import { join } from "node:path";
import { HandoffError } from "../core/errors.ts";
import { readText } from "../runtime/file_driver.ts";
import { sleep } from "../runtime/clock.ts";
import { parseProcessIdentity } from "../runtime/process_starter.ts";
import { serviceScript } from "../runtime/service_script.ts";
import type { DeploymentRecord, HandoffRecord } from "../store/deployment_record.ts";
import { storeFailure } from "../store/store_failure.ts";
import type { DeploymentContext } from "./context.ts";

/** How long the started script may take to leave its marker; it writes one line. */
const MARKER_LIMIT_MS = 5000;

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
 * marker that `handoff.sh` leaves is the proof of the start, whatever happens to us meanwhile.
 *
 * @param record In phase `handing_over`, stored already.
 * @returns What identifies the started program.
 * @throws {HandoffError} `handoff.not-started`; the lock is released again.
 * @throws {StoreError} The lock cannot be taken.
 */
export async function startSubUpdater(
  context: DeploymentContext,
  record: DeploymentRecord,
  signal: AbortSignal,
): Promise<HandoffRecord> {
  const { files, processes, clock } = context.drivers;
  const { installScript, artifactFile, subUpdaterLog } = context.paths;
  context.lock.write(record.id);
  try {
    files.remove(subUpdaterLog); // what an earlier deployment wrote there is not this one's
    processes.startDetached({
      command: serviceScript("handoff.sh"),
      args: [startMarker(context), subUpdaterLog, installScript, artifactFile],
    });
  } catch (error) {
    context.lock.remove();
    throw new HandoffError("handoff.not-started", `Cannot start ${installScript}`, {
      cause: error,
      retry: "never",
    });
  }
  const end = clock.monotonic() + MARKER_LIMIT_MS;
  for (;;) {
    const proof = readStartMarker(context);
    if (proof !== undefined) return proof;
    if (clock.monotonic() > end) {
      context.lock.remove();
      throw new HandoffError(
        "handoff.not-started",
        `Cannot start ${installScript}: no start marker within ${MARKER_LIMIT_MS / 1000} s`,
        { retry: "never" },
      );
    }
    await sleep(clock, 5, signal);
  }
}

/** The proof that the sub-updater was started, or `undefined`. */
export function readStartMarker(context: DeploymentContext): HandoffRecord | undefined {
  const text = readText(context.drivers.files, startMarker(context), 4096);
  if (text === undefined) return undefined;
  const [pid = "", ...identity] = text.split("\n");
  return { pid: Number(pid), ...parseProcessIdentity(identity.join("\n")) };
}

/** Removes the start marker of an earlier deployment. */
export function clearStartMarker(context: DeploymentContext): void {
  const path = startMarker(context);
  try {
    context.drivers.files.remove(path);
  } catch (error) {
    throw storeFailure("remove the start marker", path, error);
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

function startMarker(context: DeploymentContext): string {
  return join(context.paths.dataDirectory, "sub-updater.started");
}
