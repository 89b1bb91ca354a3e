import { sendStatus } from "../api/deployment_calls.ts";
import type { DeploymentOffer } from "../api/next_deployment.ts";
import { backoffSchedule } from "../core/backoff_schedule.ts";
import type { DeploymentPhase } from "../core/deployment_phase.ts";
import type { DeploymentStatus } from "../core/deployment_status.ts";
import { isMenderError, messageOf } from "../core/errors.ts";
import { type Logger, withFields } from "../core/logger.ts";
import { DeploymentLog } from "../log/deployment_log.ts";
import { sleep } from "../runtime/clock.ts";
import type { DeploymentRecord } from "../store/deployment_record.ts";
import { storeFailure } from "../store/store_failure.ts";
import type { DeploymentContext, DeploymentDevice } from "./context.ts";
import { discardDownload, fetchArtifact } from "./fetch_artifact.ts";
import { checkSubUpdater, clearStartMarker, startSubUpdater } from "./handoff.ts";
import { deliverOutcome } from "./outcome.ts";

/** How a run of a deployment ended: with the sub-updater, or on this side. */
export type RunResult = "handed-over" | "failed" | "gone";

/**
 * Carries a deployment from the server's offer to the hand-off: download, verification, lock, start of
 * the sub-updater. Each step is recorded before its effect. A failure is recorded and reported.
 *
 * @returns `handed-over`; `failed` (recorded; reported, or to be delivered later); `gone`: the server
 * took the deployment back.
 * @throws {StoreError} Not even the record can be written.
 * @throws The reason of `signal`; the deployment goes on at the next start.
 */
export async function runDeployment(
  context: DeploymentContext,
  device: DeploymentDevice,
  offer: DeploymentOffer,
  signal: AbortSignal,
): Promise<RunResult> {
  const logger = deploymentLogger(context, offer.id);
  const known = context.record.read();
  if (known?.id === offer.id && known.outcome !== undefined) {
    logger.log(
      "info",
      "The server offers a deployment that is finished here; its outcome is sent again",
    );
    await deliverOutcome(context, known, logger, { signal, isOfferedAgain: true });
    return "failed";
  }
  logger.log("info", `Deployment of Artifact "${offer.artifactName}" received`);
  const run = new DeploymentRun(context, offer, logger, signal);
  try {
    return await run.carryOut(device);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return await run.fail(error);
  }
}

/** The logger of a deployment: it writes to the deployment's own log too. */
export function deploymentLogger(context: DeploymentContext, deploymentId: string): Logger {
  try {
    const log = DeploymentLog.open(context.drivers.files, context.logDirectory, deploymentId);
    return withFields(context.loggerWith(log.sink), { deployment: deploymentId });
  } catch (error) {
    const failure = storeFailure("open the deployment log", context.logDirectory, error);
    context.logger.log("error", "The deployment goes on without a log of its own", {}, failure);
    return context.logger;
  }
}

class DeploymentRun {
  readonly #context: DeploymentContext;
  readonly #offer: DeploymentOffer;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  #record: DeploymentRecord;

  constructor(
    context: DeploymentContext,
    offer: DeploymentOffer,
    logger: Logger,
    signal: AbortSignal,
  ) {
    this.#context = context;
    this.#offer = offer;
    this.#logger = logger;
    this.#signal = signal;
    clearStartMarker(context);
    this.#record = context.record.begin(offer.id, offer.artifactName);
    this.#tellPhase();
  }

  async carryOut(device: DeploymentDevice): Promise<RunResult> {
    const { files } = this.#context.drivers;
    const { partFile, artifactFile } = this.#context.paths;
    discardDownload(this.#context);
    this.#advance("downloading");
    if (await this.#tellServer("downloading") === "gone") return this.#abort();
    const description = await fetchArtifact(
      this.#context,
      device,
      this.#offer,
      this.#logger,
      this.#signal,
    );
    this.#advance("downloaded");
    const signed = description.signedBy === undefined
      ? ""
      : `, signed by key ${description.signedBy}`;
    this.#logger.log("info", `Artifact "${description.name}" downloaded and verified${signed}`);
    files.rename(partFile, artifactFile);
    files.syncDirectory(this.#context.paths.dataDirectory);
    this.#advance("verified");
    checkSubUpdater(this.#context);
    if (await this.#tellServer("installing") === "gone") return this.#abort();
    this.#advance("handing_over");
    await this.handOver();
    return "handed-over";
  }

  async handOver(): Promise<void> {
    const handoff = await startSubUpdater(this.#context, this.#record, this.#signal);
    this.#record = this.#context.record.advance(this.#record, "handed_over", { handoff });
    this.#logger.log("info", `Artifact handed over to ${this.#context.paths.installScript}`);
    this.#tellPhase();
  }

  /** Records a failure and tries to deliver it; the daemon delivers it later when that fails. */
  async fail(error: unknown): Promise<"failed"> {
    this.#logger.log("error", "The deployment failed", {}, error);
    const outcome = { status: "failure", message: messageOf(error) } as const;
    this.#record = this.#context.record.advance(this.#record, "outcome_recorded", { outcome });
    this.#tellPhase();
    discardDownload(this.#context);
    try {
      const options = { signal: this.#signal };
      this.#record = await deliverOutcome(this.#context, this.#record, this.#logger, options);
      this.#tellPhase();
    } catch (cause) {
      if (this.#signal.aborted) throw this.#signal.reason;
      if (!isMenderError(cause)) throw cause;
      this.#logger.log("warning", "The failure is recorded and will be reported later", {}, cause);
    }
    return "failed";
  }

  #abort(): "gone" {
    this.#logger.log("warning", "The server has taken the deployment back; it is not installed");
    this.#advance("aborted");
    discardDownload(this.#context);
    return "gone";
  }

  /**
   * Sends a status that is not final. A server that can't be reached is asked again for as long as one
   * retry interval; then the deployment goes on without it.
   */
  async #tellServer(status: DeploymentStatus): Promise<"accepted" | "gone" | "untold"> {
    const { clock, random } = this.#context.drivers;
    const giveUpAt = clock.monotonic() + this.#context.retryPollMs;
    for (const waitMs of backoffSchedule(this.#context.retryPollMs, random.next)) {
      try {
        const answer = await sendStatus(
          this.#context.session,
          clock,
          this.#offer.id,
          status,
          this.#signal,
        );
        if (answer === "accepted") {
          this.#record = this.#context.record.acknowledge(this.#record, status);
        }
        return answer;
      } catch (error) {
        if (this.#signal.aborted || !isMenderError(error)) throw error;
        if (clock.monotonic() + waitMs > giveUpAt) {
          this.#logger.log("warning", `The server does not take the status "${status}"`, {}, error);
          return "untold";
        }
        await sleep(clock, waitMs, this.#signal);
      }
    }
    return "untold";
  }

  #advance(phase: DeploymentPhase): void {
    this.#record = this.#context.record.advance(this.#record, phase);
    this.#tellPhase();
  }

  #tellPhase(): void {
    this.#context.onEvent({
      type: "phase",
      deploymentId: this.#record.id,
      phase: this.#record.phase,
    });
  }
}
