import { sendStatus } from "../api/deployment_calls.ts";
import type { DeploymentOffer } from "../api/next_deployment.ts";
import type { ArtifactDescription } from "../artifact/mod.ts";
import { backoffSchedule } from "../core/backoff_schedule.ts";
import { DEPLOYMENT_PHASES, type DeploymentPhase } from "../core/deployment_phase.ts";
import type { DeploymentStatus } from "../core/deployment_status.ts";
import { HandoffError, isMenderError, messageOf } from "../core/errors.ts";
import { type Logger, withFields } from "../core/logger.ts";
import { DeploymentLog } from "../log/deployment_log.ts";
import { sleep } from "../runtime/clock.ts";
import { type DeploymentRecord, withAcknowledged } from "../store/deployment_record.ts";
import { storeFailure } from "../store/store_failure.ts";
import type { DeploymentContext, DeploymentDevice } from "./context.ts";
import { discardDownload, fetchArtifact } from "./fetch_artifact.ts";
import { handOver } from "./hand_over.ts";
import { whileWanted, Withdrawn } from "./watch_withdrawal.ts";
import { checkSubUpdater, clearStartMarkers, readStartMarker } from "./handoff.ts";
import { deliverOutcome } from "./outcome.ts";

/**
 * How a run of a deployment ended: with the sub-updater; with a failure here; because the server took it
 * back; because it was finished before and only its outcome had to be sent again; or not at all, because
 * another deployment has to end first.
 */
export type RunResult = "handed-over" | "failed" | "gone" | "finished" | "waiting";

/**
 * Carries a deployment from the server's offer to the hand-off: download, verification, lock, start of
 * the sub-updater. Each step is recorded before its effect. A failure is recorded and reported.
 *
 * @returns How it ended. A failure is recorded, and reported or to be delivered later.
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
    return "finished";
  }
  const lock = context.lock.read();
  if (lock.kind === "unreadable" || (lock.kind === "held" && lock.deploymentId !== offer.id)) {
    logger.log("warning", "Another deployment is with a sub-updater; this one has to wait for it");
    return "waiting";
  }
  logger.log("info", `Deployment of Artifact "${offer.artifactName}" received`);
  const run = new DeploymentRun(context, offer, logger, signal, known);
  try {
    return await run.carryOut(device);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    // Not authorised any more: what is stored stays, and is gone on with when the device is let in again.
    if (isMenderError(error, "auth.")) throw error;
    return isWithdrawal(error) ? run.abort() : await run.fail(error);
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

/** Phases that the next process goes on from: nothing outside was touched yet. */
const RESUMABLE: ReadonlySet<DeploymentPhase> = new Set<DeploymentPhase>([
  "received",
  "downloading",
  "downloaded",
  "verified",
]);

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
    known: DeploymentRecord | undefined,
  ) {
    this.#context = context;
    this.#offer = offer;
    this.#logger = logger;
    this.#signal = signal;
    clearStartMarkers(context, offer.id);
    if (known?.id === offer.id && RESUMABLE.has(known.phase)) this.#record = known;
    else {
      this.#record = context.record.begin(offer.id, offer.artifactName);
      discardDownload(context);
    }
    this.#tellPhase();
  }

  async carryOut(device: DeploymentDevice): Promise<RunResult> {
    if (readStartMarker(this.#context, this.#offer.id) !== undefined) {
      throw new HandoffError(
        "handoff.started-before",
        "The sub-updater was started for this deployment before, and how that ended is not known",
        { retry: "never" },
      );
    }
    const isResumed = this.#record.phase !== "received";
    this.#advance("downloading");
    if (await this.#tellServer("downloading") === "gone") return this.abort();
    const description = await this.#fetch(device, isResumed);
    this.#advance("downloaded");
    this.#logger.log(
      "info",
      `Artifact "${description.name}" downloaded and verified${signatureNote(description)}`,
    );
    this.#putInPlace();
    this.#advance("verified");
    checkSubUpdater(this.#context);
    if (await this.#tellServer("installing") === "gone") return this.abort();
    this.#advance("handing_over");
    this.#record = await handOver(this.#context, this.#record, this.#logger, this.#signal);
    this.#tellPhase();
    return "handed-over";
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

  #fetch(device: DeploymentDevice, isResumed: boolean): Promise<ArtifactDescription> {
    if (isResumed) this.#takeBack();
    return whileWanted(
      this.#context,
      this.#offer.id,
      this.#logger,
      this.#signal,
      (signal) =>
        fetchArtifact(this.#context, {
          offer: this.#offer,
          device,
          known: isResumed ? this.#record.download ?? {} : undefined,
          onVersion: (version) => {
            this.#record = this.#context.record.noteDownload(this.#record, version);
          },
          logger: this.#logger,
          signal,
        }),
    );
  }

  /** An Artifact that was in place already is checked again before it is handed over. */
  #takeBack(): void {
    const { files } = this.#context.drivers;
    const { partFile, artifactFile } = this.#context.paths;
    try {
      if (files.stat(artifactFile) !== undefined) files.rename(artifactFile, partFile);
    } catch (error) {
      throw storeFailure("take back the Artifact", artifactFile, error);
    }
  }

  #putInPlace(): void {
    const { files } = this.#context.drivers;
    const { partFile, artifactFile, dataDirectory } = this.#context.paths;
    try {
      files.rename(partFile, artifactFile);
      files.syncDirectory(dataDirectory);
    } catch (error) {
      throw storeFailure("put the Artifact in place", artifactFile, error);
    }
  }

  /** Stops a deployment that the server has taken back. */
  abort(): "gone" {
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
    for (const growingMs of backoffSchedule(this.#context.retryPollMs, random.next)) {
      try {
        const answer = await sendStatus(
          this.#context.session,
          clock,
          this.#offer.id,
          status,
          this.#signal,
        );
        // Kept with the next step: a status that is not final is worth no write of its own.
        if (answer === "accepted") this.#record = withAcknowledged(this.#record, status);
        return answer;
      } catch (error) {
        if (this.#signal.aborted || !isMenderError(error)) throw error;
        const { code, retry } = error;
        if (code.startsWith("auth.")) throw error;
        const waitMs = typeof retry === "object" ? retry.afterMs : growingMs;
        if (clock.monotonic() + waitMs > giveUpAt) {
          this.#logger.log("warning", `The server does not take the status "${status}"`, {}, error);
          return "untold";
        }
        await sleep(clock, waitMs, this.#signal);
      }
    }
    return "untold";
  }

  /** Goes on to a phase; one that an earlier process had reached is not taken again. */
  #advance(phase: DeploymentPhase): void {
    if (DEPLOYMENT_PHASES.indexOf(phase) <= DEPLOYMENT_PHASES.indexOf(this.#record.phase)) return;
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

function isWithdrawal(error: unknown): boolean {
  return error instanceof Withdrawn || isMenderError(error, "download.withdrawn");
}

function signatureNote({ isSigned, signedBy }: ArtifactDescription): string {
  if (signedBy !== undefined) return `, signed with key ${signedBy}`;
  return isSigned ? "; its signature was not checked, because no key is configured" : "";
}
