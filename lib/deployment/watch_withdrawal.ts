import { sendStatus } from "../api/deployment_calls.ts";
import type { DeploymentStatus } from "../core/deployment_status.ts";
import { isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { sleep } from "../runtime/clock.ts";
import { onAbort } from "../runtime/on_abort.ts";
import type { DeploymentContext } from "./context.ts";

/** Shortest time between two questions; up to a half is added at random. */
const CHECK_MS = 60_000;

/** Why a deployment was stopped: the server has ended it. */
export class Withdrawn extends Error {
  /** Names the reason. */
  constructor() {
    super("The server has taken the deployment back");
    this.name = "Withdrawn";
  }
}

/** A deployment, and the status that the server was told last. */
export interface ToldDeployment {
  /** Its ID. */
  readonly id: string;
  /** Sent again to ask: an earlier one would turn it back. */
  readonly status: DeploymentStatus;
}

/**
 * Runs `work` while asking the server, once a minute at most, whether it still wants the deployment: its
 * status is sent again, and an answer of 409 or 404 ends the work.
 *
 * @throws {Withdrawn} The server has ended the deployment.
 * @throws What `work` throws.
 * @see device-api section 4
 */
export async function whileWanted<T>(
  context: DeploymentContext,
  deployment: ToldDeployment,
  logger: Logger,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const forget = onAbort(outer, () => stop.abort(outer.reason));
  const isOver = new AbortController();
  const watching = watch(context, deployment, logger, isOver.signal)
    .then((isWithdrawn) => isWithdrawn && stop.abort(new Withdrawn()));
  try {
    return await work(stop.signal);
  } finally {
    forget();
    isOver.abort();
    await watching;
  }
}

/** Asks until the server has ended the deployment (`true`) or the signal is aborted (`false`). */
async function watch(
  context: DeploymentContext,
  { id, status }: ToldDeployment,
  logger: Logger,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, random } = context.drivers;
  for (;;) {
    try {
      await sleep(clock, CHECK_MS * (1 + random.next() / 2), signal);
      const answer = await sendStatus(context.session, clock, id, status, signal);
      if (answer === "gone") return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (!isMenderError(error)) throw error;
      logger.log("debug", "Could not ask whether the deployment is still wanted", {}, error);
    }
  }
}
