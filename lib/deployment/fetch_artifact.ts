import type { DeploymentOffer } from "../api/next_deployment.ts";
import { type ArtifactDescription, ArtifactReader, checkFitsDevice } from "../artifact/mod.ts";
import { DownloadError, isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { FileVersion } from "../download/file_version.ts";
import { downloadResumably } from "../download/resumable_download.ts";
import { sleep } from "../runtime/clock.ts";
import { storeFailure } from "../store/store_failure.ts";
import { ArtifactTarget } from "./artifact_target.ts";
import type { DeploymentContext, DeploymentDevice } from "./context.ts";
import { ProgressReport } from "./progress_report.ts";

/**
 * What is wrong with the Artifact itself, not with the bytes that arrived: to fetch it again would bring
 * the same.
 */
const REFUSALS = new Set([
  "artifact.wrong-device-type",
  "artifact.wrong-name",
  "artifact.unmet-depends",
  "artifact.missing-signature",
  "artifact.bad-signature",
  "artifact.unsupported-version",
  "artifact.unsupported-compression",
  "artifact.unsigned-augment",
]);

/** One Artifact that is to be fetched. */
export interface FetchTask {
  /** What the server offers. */
  readonly offer: DeploymentOffer;
  /** The device that it must fit. */
  readonly device: DeploymentDevice;
  /** What an earlier process knew of the file; `undefined` when none has begun. */
  readonly known: FileVersion | undefined;
  /** Told each version of the file before any byte of it is stored. */
  readonly onVersion: (version: FileVersion) => void;
  /** Of the deployment. */
  readonly logger: Logger;
  /** Ends the download; what is stored stays. */
  readonly signal: AbortSignal;
}

/**
 * Fetches an Artifact into the part file, checking it whole while it arrives, and makes it durable. An
 * earlier process's part file is gone on with. An Artifact that turns out to be damaged is fetched anew
 * once: the damage may have come on the way.
 *
 * @returns What the Artifact is; it is complete, undamaged and for this device.
 * @throws {ArtifactError} Damaged twice, not for this device, not signed as configured.
 * @throws {DownloadError} `download.gave-up`, `download.refused`, `download.withdrawn`: the server does
 * not offer the deployment any more.
 * @throws {StoreError} The part file cannot be written; `store.no-space` with numbers.
 */
export async function fetchArtifact(
  context: DeploymentContext,
  task: FetchTask,
): Promise<ArtifactDescription> {
  const { offer, device, logger } = task;
  const verifyKeys = await context.verifyKeys();
  const progress = new ProgressReport(context.drivers.clock, offer.id, context.onEvent);
  const target = new ArtifactTarget({
    files: context.drivers.files,
    path: context.paths.partFile,
    makeReader: () =>
      new ArtifactReader({
        verifyKeys,
        onDescription: (description) =>
          checkFitsDevice(description, {
            ...device,
            expectedName: offer.artifactName,
            expectedDeviceTypes: offer.deviceTypes,
          }),
      }),
    onVersion: task.onVersion,
    onProgress: (stored, total) => progress.tell(stored, total),
  });
  try {
    return await fetchInto(target, context, task, task.known);
  } catch (error) {
    if (!isDamage(error)) throw error;
    logger.log("warning", "The Artifact is damaged; fetching it anew, once", {}, error);
    await target.restart();
    return await fetchInto(target, context, task, undefined);
  } finally {
    target.close();
  }
}

/** Removes what a download left behind. */
export function discardDownload(context: DeploymentContext): void {
  const { files } = context.drivers;
  for (const path of [context.paths.partFile, context.paths.artifactFile]) {
    try {
      files.remove(path);
    } catch (error) {
      throw storeFailure("remove the Artifact", path, error);
    }
  }
}

async function fetchInto(
  target: ArtifactTarget,
  context: DeploymentContext,
  task: FetchTask,
  known: FileVersion | undefined,
): Promise<ArtifactDescription> {
  const { drivers, downloadLimits } = context;
  const { offer, logger, signal } = task;
  if (known !== undefined) {
    await target.readBack(() => sleep(drivers.clock, 0, signal));
    if (target.offset > 0) logger.log("info", `Going on behind ${target.offset} stored bytes`);
  } else await target.restart();
  const summary = await downloadResumably({
    http: context.artifactHttp,
    clock: drivers.clock,
    random: drivers.random.next,
    logger,
    uri: offer.uri,
    renewLink: (renewSignal) => renewLink(context, offer.id, renewSignal),
    target,
    known: known ?? {},
    limits: downloadLimits,
    maxWaitMs: context.retryPollMs,
    bytesPerSecond: downloadLimits.bytesPerSecond,
    signal,
  });
  logger.log("info", `Downloaded ${summary.receivedBytes} bytes of ${target.offset}`, {
    requests: summary.requests,
    received_bytes: summary.receivedBytes,
    size_bytes: target.offset,
  });
  return await target.finish();
}

async function renewLink(
  context: DeploymentContext,
  deploymentId: string,
  signal: AbortSignal,
): Promise<string> {
  let uri: string | undefined;
  try {
    uri = await context.renewLink(deploymentId, signal);
  } catch (error) {
    if (signal.aborted || !isMenderError(error)) throw error;
    throw new DownloadError("download.no-link", "Cannot get a fresh download link", {
      cause: error,
      retry: error.retry === "never" ? "later" : error.retry,
    });
  }
  if (uri !== undefined) return uri;
  throw new DownloadError(
    "download.withdrawn",
    "Cannot go on with the download: the server does not offer the deployment any more",
    { retry: "never" },
  );
}

function isDamage(error: unknown): boolean {
  return isMenderError(error, "artifact.") && !REFUSALS.has(error.code);
}
