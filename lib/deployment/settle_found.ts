import { isOver } from "../core/deployment_phase.ts";
import type { DeploymentContext } from "./context.ts";
import { decideFound, type FoundState, type NextStep } from "./found_at_start.ts";
import { isStillRunning } from "./handoff/handoff_runner.ts";
import { couldNotRun, readStartMarker } from "./handoff/start_marker.ts";
import { loadModule } from "../runtime/load_module.ts";
import { isTidy } from "./tidy.ts";

/**
 * Takes one look at what an earlier process, or the sub-updater, left behind, and does what is due.
 *
 * @returns `clear`: nothing is in progress, polls may go on. `waiting`: a deployment is with the
 * sub-updater; look again later. `again`: something was done, look again at once.
 * @throws What delivering throws; the outcome stays recorded.
 */
export async function settleFound(
  context: DeploymentContext,
  signal: AbortSignal,
): Promise<"clear" | "waiting" | "again"> {
  // The lock first: a report that comes between the two reads then only makes us look once more.
  const lock = context.lock.read();
  const record = context.record.read();
  const isWithSubUpdater = record?.phase === "handing_over" || record?.phase === "handed_over";
  const proof = record === undefined ? undefined : readStartMarker(context, record.id);
  const handoff = record?.handoff ?? proof;
  const { application } = context;
  const step = await decideLazily(
    {
      application: handoff?.isApplication === true ? application : undefined,
      record,
      lock,
      isStartProven: proof !== undefined,
      couldNotRun: isWithSubUpdater && couldNotRun(context, record.id),
      isTidy: isTidy(context),
      waitedMs: context.waitMeter.look(record, context.drivers.clock.monotonic()),
      waitLimitMs: context.handoff.timeoutMs,
    },
    () =>
      handoff?.isApplication === true
        ? Promise.resolve(application?.isRunning(record?.id ?? "") ?? false)
        : isStillRunning(context, handoff),
  );
  if (step.do === "poll") {
    if (record === undefined || isOver(record.phase)) context.gate.idle(record?.id);
    return "clear";
  }
  // Nothing of this is wanted while a device has nothing to do.
  const { takeFoundStep } = await loadModule(() => import("./steps.ts"));
  return await takeFoundStep(step, context, record, signal);
}

/** Asks whether the sub-updater still runs, which starts a process, only where it matters. */
async function decideLazily(
  found: Omit<FoundState, "isRunning">,
  isRunning: () => Promise<boolean>,
): Promise<NextStep> {
  const ifRunning = decideFound({ ...found, isRunning: true });
  const ifGone = decideFound({ ...found, isRunning: false });
  if (ifRunning.do === ifGone.do) return ifGone;
  return await isRunning() ? ifRunning : ifGone;
}
