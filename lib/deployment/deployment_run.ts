import type { DeploymentOffer } from "../api/next_deployment.ts";
import type { ArtifactDescription } from "../artifact/mod.ts";
import type { DeploymentPhase } from "../core/deployment_phase.ts";
import type { DeploymentStatus } from "../core/deployment_status.ts";
import { HandoffError, isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { DeploymentRecord, DownloadRecord } from "../store/deployment_record.ts";
import { storeFailure } from "../store/store_failure.ts";
import type { DeploymentContext, DeploymentDevice } from "./context.ts";
import { deliverOutcome } from "./deliver_outcome.ts";
import { deploymentLogger } from "./deployment_logger.ts";
import { endInFailure } from "./end_in_failure.ts";
import { discardDownload, fetchArtifact } from "./fetch_artifact.ts";
import { checkSubUpdater } from "./handoff/check_sub_updater.ts";
import { handOver } from "./handoff/hand_over.ts";
import { clearStartMarkers, readStartMarker } from "./handoff/start_marker.ts";
import { askToInstall, waitToInstall } from "./hold.ts";
import { DeploymentJournal } from "./lifecycle/journal.ts";
import type { Effect, LifecycleEvent } from "./lifecycle/transition.ts";
import { tellStatus } from "./tell_status.ts";
import { whileWanted, Withdrawn } from "./watch_withdrawal.ts";

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
    const journal = new DeploymentJournal(context.record, known);
    await deliverOutcome(context, journal, logger, signal, { isOfferedAgain: true });
    return "finished";
  }
  if (isWithSubUpdater(known) || context.lock.read().kind !== "none") {
    logger.log("warning", "A deployment is with its sub-updater; this one has to wait for it");
    return "waiting";
  }
  logger.log("info", `Deployment of Artifact "${offer.artifactName}" received`);
  const run = new DeploymentRun(context, device, offer, logger, signal, known);
  try {
    return await run.carryOut();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    // Not authorised any more: what is stored stays, and is gone on with when the device is let in again.
    if (isMenderError(error, "auth.")) throw error;
    return isWithdrawal(error) ? run.abort() : await run.fail(error);
  }
}

/** Phases that the next process goes on from: nothing outside was touched yet. */
const RESUMABLE: ReadonlySet<DeploymentPhase> = new Set<DeploymentPhase>([
  "downloading",
  "downloaded",
  "verified",
  "held",
]);

class DeploymentRun {
  readonly #context: DeploymentContext;
  readonly #device: DeploymentDevice;
  readonly #offer: DeploymentOffer;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  readonly #journal: DeploymentJournal;
  readonly #isResumed: boolean;
  #hasBegun = false;
  #heldAt: number | undefined;

  constructor(
    context: DeploymentContext,
    device: DeploymentDevice,
    offer: DeploymentOffer,
    logger: Logger,
    signal: AbortSignal,
    known: DeploymentRecord | undefined,
  ) {
    this.#context = context;
    this.#device = device;
    this.#offer = offer;
    this.#logger = logger;
    this.#signal = signal;
    this.#journal = new DeploymentJournal(context.record, known);
    this.#isResumed = known?.id === offer.id && RESUMABLE.has(known.phase);
  }

  /** Takes one step after another, up to the hand-off. */
  async carryOut(): Promise<RunResult> {
    const { id, artifactName } = this.#offer;
    let event: LifecycleEvent | undefined = this.#isResumed
      ? { type: "offered-again" }
      : { type: "offered", id, artifactName };
    let isFirst = true;
    while (event !== undefined) {
      const effects = this.#take(event);
      event = undefined;
      if (isFirst) this.#context.gate.takeOffered(id, this.#offer.controlMap);
      isFirst = false;
      for (const effect of effects) {
        event = await this.#perform(effect);
        if (event !== undefined) break;
      }
    }
    return "handed-over";
  }

  /** Records a failure and tries to deliver it; the daemon delivers it later when that fails. */
  async fail(error: unknown): Promise<"failed"> {
    // Not even the first step could be stored: nothing has begun, and it is offered again.
    if (!this.#hasBegun) throw error;
    endInFailure(this.#context, this.#journal, error, this.#logger);
    try {
      await deliverOutcome(this.#context, this.#journal, this.#logger, this.#signal);
    } catch (cause) {
      if (this.#signal.aborted) throw this.#signal.reason;
      if (!isMenderError(cause)) throw cause;
      this.#logger.log("warning", "The failure is recorded and will be reported later", {}, cause);
    }
    return "failed";
  }

  /** Stops a deployment that the server has taken back. */
  abort(): "gone" {
    this.#logger.log("warning", "The server has taken the deployment back; it is not installed");
    this.#take({ type: "withdrawn" });
    discardDownload(this.#context);
    return "gone";
  }

  /** Does what is due; gives what came of it, when that is a step. */
  async #perform(effect: Effect): Promise<LifecycleEvent | undefined> {
    switch (effect) {
      case "clear-room":
        this.#clearRoom();
        return { type: "begun" };
      case "take-back":
        this.#takeBack();
        return undefined;
      case "tell-downloading":
        return this.#isPastDownload ? undefined : await this.#tellServer("downloading");
      case "download":
        await this.#download();
        return { type: "stored" };
      case "put-in-place":
        this.#putInPlace();
        return { type: "placed" };
      case "check-sub-updater":
        this.#checkHandoff();
        return undefined;
      case "ask-maps":
        return await this.#askMaps();
      case "wait-for-maps":
        await waitToInstall(
          this.#context,
          this.#journal,
          this.#heldAt!,
          this.#logger,
          this.#signal,
        );
        return { type: "let-pass" };
      case "tell-installing":
        return await this.#tellServer("installing") ?? { type: "cleared" };
      case "hand-over":
        await handOver(this.#context, this.#journal, this.#logger, this.#signal);
        return undefined;
      default:
        throw new TypeError(`"${effect}" is not due on the way to the hand-off`);
    }
  }

  /** Whether the server may have been told already that the Artifact is being installed. */
  get #isInstalling(): boolean {
    return this.#mayBeTold("installing");
  }

  /** Whether the server may have been told something later than the download. */
  get #isPastDownload(): boolean {
    return this.#isInstalling || this.#mayBeTold("pause_before_installing");
  }

  get #statusSoFar(): "downloading" | "pause_before_installing" | "installing" {
    if (this.#isInstalling) return "installing";
    return this.#isPastDownload ? "pause_before_installing" : "downloading";
  }

  #mayBeTold(status: DeploymentStatus): boolean {
    const { announced, acknowledged } = this.#journal.record;
    return announced === status || acknowledged.includes(status);
  }

  /** A deployment that was let pass before an interruption is not held again. */
  async #askMaps(): Promise<LifecycleEvent> {
    if (this.#isInstalling) return { type: "let-pass" };
    this.#heldAt = await askToInstall(this.#context, this.#offer.id, this.#logger, this.#signal);
    return { type: this.#heldAt === undefined ? "let-pass" : "held" };
  }

  #clearRoom(): void {
    clearStartMarkers(this.#context, this.#offer.id);
    this.#context.outcomes.clearOthers(this.#offer.id);
    discardDownload(this.#context);
  }

  async #download(): Promise<void> {
    const description = await this.#fetch();
    this.#logger.log(
      "info",
      `Artifact "${description.name}" downloaded and verified${signatureNote(description)}`,
    );
  }

  #checkHandoff(): void {
    checkSubUpdater(this.#context);
    if (readStartMarker(this.#context, this.#offer.id) === undefined) return;
    throw new HandoffError(
      "handoff.started-before",
      "The sub-updater was started for this deployment before, and how that ended is not known",
      { retry: "never" },
    );
  }

  #fetch(): Promise<ArtifactDescription> {
    const { offer, device } = { offer: this.#offer, device: this.#device };
    return whileWanted(
      this.#context,
      { id: offer.id, status: this.#statusSoFar },
      this.#logger,
      this.#signal,
      (signal) =>
        fetchArtifact(this.#context, {
          offer,
          device,
          known: this.#isResumed ? this.#journal.record.download ?? {} : undefined,
          onVersion: (download) => this.#noteVersion(download),
          logger: this.#logger,
          signal,
        }),
    );
  }

  #noteVersion(download: DownloadRecord): void {
    const known = this.#journal.record.download;
    if (JSON.stringify(known) === JSON.stringify(download)) return;
    this.#journal.take({ type: "described", download });
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

  async #tellServer(status: DeploymentStatus): Promise<LifecycleEvent | undefined> {
    const answer = await tellStatus(
      this.#context,
      this.#offer.id,
      status,
      this.#logger,
      this.#signal,
    );
    if (answer === "gone") throw new Withdrawn();
    // Kept with the next step: a status that is not final is worth no write of its own.
    if (answer === "accepted") this.#journal.note({ type: "told", status });
    return undefined;
  }

  #take(event: LifecycleEvent): readonly Effect[] {
    const effects = this.#journal.take(event);
    this.#hasBegun = true;
    return effects;
  }
}

function isWithSubUpdater(record: DeploymentRecord | undefined): boolean {
  return record?.phase === "handing_over" || record?.phase === "handed_over";
}

function isWithdrawal(error: unknown): boolean {
  return error instanceof Withdrawn || isMenderError(error, "download.withdrawn");
}

function signatureNote({ isSigned, signedBy }: ArtifactDescription): string {
  if (signedBy !== undefined) return `, signed with key ${signedBy}`;
  return isSigned ? "; its signature was not checked, because no key is configured" : "";
}
