import { ControlError, isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { sleep } from "../runtime/clock.ts";
import type { Drivers } from "../runtime/drivers.ts";
import { askControl } from "./control/ask_control.ts";
import type { ControlAnswer, ControlRequest } from "./control/protocol.ts";
import { guardInstance } from "./instance_guard.ts";

/** Longest that a daemon may take for what it is asked: it may have to time out at its server first. */
const ANSWER_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 100;
/** A holder that ends is followed by another one, or by nobody; after so many it is a daemon in a loop. */
const MAX_HOLDERS = 100;

const BUSY = { ok: false, code: "control.busy", message: "A report is being delivered" } as const;

/** How something is done by whoever may. */
export interface ByHolderOptions {
  /** The machine. */
  readonly drivers: Drivers;
  /** The control socket. */
  readonly path: string;
  /** What a running daemon is asked to do. */
  readonly request: ControlRequest;
  /** Does the same here, when no daemon runs. */
  readonly here: () => Promise<ControlAnswer>;
  /** Told of connections that break. */
  readonly logger: Logger;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/**
 * Has something done with the deployment in progress by the one process that may: the daemon, when one
 * runs; else this one, which holds the instance meanwhile. Another `report` is waited for.
 *
 * @returns The daemon's answer, or that of `here`.
 * @throws {ControlError} `control.no-answer`: a daemon runs but does not answer.
 * @throws {StoreError} The control socket can be neither asked nor bound.
 * @throws What `here` throws.
 */
export async function byHolder(options: ByHolderOptions): Promise<ControlAnswer> {
  const { drivers, signal } = options;
  for (let attempt = 0; attempt < MAX_HOLDERS; attempt++) {
    const answer = await askDaemon(options) ?? await doHere(options);
    if (answer !== undefined) return answer;
    await sleep(drivers.clock, LOOK_EVERY_MS, signal);
  }
  throw new ControlError("control.no-answer", "Cannot ask the daemon: it ends again and again");
}

/** The daemon's answer; `undefined` when there is no daemon, or not any more. */
async function askDaemon(
  { drivers, path, request }: ByHolderOptions,
): Promise<ControlAnswer | undefined> {
  try {
    const answer = await askControl(drivers, path, request, ANSWER_WITHIN_MS);
    const isPassing = !answer.ok &&
      (answer.code === BUSY.code || answer.code === "control.ending");
    return isPassing ? undefined : answer;
  } catch (error) {
    const isGone = isMenderError(error, "control.nobody") ||
      isMenderError(error, "control.hung-up");
    if (isGone) return undefined;
    throw error;
  }
}

/** What was done here; `undefined` when a daemon has come in between. */
async function doHere(
  { drivers, path, here, logger, signal }: ByHolderOptions,
): Promise<ControlAnswer | undefined> {
  let instance;
  try {
    instance = await guardInstance(drivers, path, {
      role: "report",
      pid: drivers.self.pid,
      handler: () => BUSY,
      logger,
      signal,
    });
  } catch (error) {
    if (isMenderError(error, "daemon.already-running")) return undefined;
    throw error;
  }
  try {
    return await here();
  } finally {
    await instance.close();
  }
}
