import type { ControlState } from "../../control/control_map.ts";
import { forcedFailure } from "../../deployment/forced_failure.ts";
import type { Device } from "../../device/device.ts";
import type { ControlAnswer } from "./protocol.ts";

/** Longest that a question is kept open while nothing changes; then the sub-updater asks again. */
const WAIT_MS = 20_000;

/** What the points of a sub-updater are asked of. */
export interface GateHolder {
  /** Told apart from an earlier process, whose counts mean nothing any more. */
  readonly mark: string;
  /** The device as it is now. */
  readonly device: Pick<Device, "askGate" | "gateChanged" | "announceHeld">;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Does something beside nothing else. */
  perform<T>(work: (device: Device, signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** A question of a sub-updater: may it pass? */
export interface GateQuestion {
  /** ID of the deployment. */
  readonly deployment: string;
  /** The point. */
  readonly state: ControlState;
  /** From the last answer, which was a pause: answer once that may have changed. */
  readonly since?: string | undefined;
}

/**
 * Answers whether a sub-updater may pass a point: `continue`, `fail` with the reason, or `pause` with what
 * to wait from. Each answer but the repeated pause is a question to the maps, which may change them.
 *
 * @throws What the device throws.
 */
export async function gateAnswer(
  holder: GateHolder,
  { deployment, state, since }: GateQuestion,
): Promise<ControlAnswer> {
  const { device, mark, signal } = holder;
  const heldAt = since?.startsWith(`${mark}:`) ? Number(since.slice(mark.length + 1)) : undefined;
  if (heldAt !== undefined && !await device.gateChanged(deployment, heldAt, signal, WAIT_MS)) {
    return { ok: true, verdict: "pause", since: `${mark}:${heldAt}` };
  }
  const { verdict, revision } = await device.askGate(deployment, state, signal);
  if (verdict === "continue") return { ok: true, verdict };
  if (verdict === "fail") {
    return { ok: true, verdict, why: forcedFailure(state).message };
  }
  const told = verdict === "gone"
    ? verdict
    : await holder.perform((device, signal) => device.announceHeld(deployment, state, signal));
  if (told === "gone") {
    return { ok: true, verdict: "fail", why: "The server has ended this deployment" };
  }
  return { ok: true, verdict: "pause", since: `${mark}:${revision}` };
}
