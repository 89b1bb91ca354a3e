import { sleep } from "../../runtime/clock.ts";
import type { HandoffRecord } from "../../store/deployment_record.ts";
import type { DeploymentContext } from "../context.ts";
import { beginHandoff, type BeginningHandoff, notStarted } from "./handoff_runner.ts";
import { readStartMarker } from "./start_marker.ts";

/** How often the started script is asked for its marker; it writes three lines. */
const MARKER_CHECK_MS = 5;
/** How often it is looked at whether the script still lives. */
const LIFE_CHECK_MS = 500;

/**
 * Starts the sub-updater for the verified Artifact, outside this process, with its output in
 * `sub-updater.log`, and waits for its start marker. The lock is held already.
 *
 * @returns What identifies the started program.
 * @throws {HandoffError} `handoff.not-started`: it is certain that the program does not run.
 */
export async function startSubUpdater(
  context: DeploymentContext,
  deploymentId: string,
  signal: AbortSignal,
): Promise<HandoffRecord> {
  const beginning = await beginHandoff(context, deploymentId, signal);
  return { ...await waitForMarker(context, deploymentId, beginning, signal), ...unitOf(beginning) };
}

function unitOf({ facts: { unit } }: BeginningHandoff): Pick<HandoffRecord, "unit"> {
  return unit === undefined ? {} : { unit };
}

/**
 * Waits until the script has left its marker. However slow the machine is, nothing is concluded from
 * time: only a script that is gone without a marker has not started the program.
 */
async function waitForMarker(
  context: DeploymentContext,
  deploymentId: string,
  beginning: BeginningHandoff,
  signal: AbortSignal,
): Promise<HandoffRecord> {
  const { clock } = context.drivers;
  const startedAt = clock.monotonic();
  let lifeCheckAt = startedAt + LIFE_CHECK_MS;
  for (;;) {
    const proof = lookForMarker(context, deploymentId);
    if (proof.state === "there") return proof.handoff;
    if (clock.monotonic() >= lifeCheckAt) {
      const bootId = await endOf(context, beginning);
      if (bootId !== undefined) {
        return concludeFromEnd(context, deploymentId, { ...beginning.facts, bootId });
      }
      lifeCheckAt = clock.monotonic() + LIFE_CHECK_MS;
    }
    const isSlow = clock.monotonic() - startedAt > LIFE_CHECK_MS;
    await sleep(clock, isSlow ? LIFE_CHECK_MS / 5 : MARKER_CHECK_MS, signal);
  }
}

/** The boot ID when the script has ended; `undefined` while it lives, and when that cannot be told. */
async function endOf(
  context: DeploymentContext,
  beginning: BeginningHandoff,
): Promise<string | undefined> {
  try {
    return await beginning.bootIdAfterEnd();
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
  throw notStarted(context);
}

function lookForMarker(
  context: DeploymentContext,
  deploymentId: string,
): { state: "there"; handoff: HandoffRecord } | { state: "absent" | "unreadable" } {
  try {
    const handoff = readStartMarker(context, deploymentId);
    return handoff === undefined ? { state: "absent" } : { state: "there", handoff };
  } catch (error) {
    const fields = { deployment: deploymentId };
    context.logger.log("debug", "The start marker cannot be read yet", fields, error);
    return { state: "unreadable" };
  }
}
