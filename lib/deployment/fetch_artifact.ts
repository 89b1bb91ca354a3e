import { dirname } from "node:path";
import type { DeploymentOffer } from "../api/next_deployment.ts";
import { type ArtifactDescription, ArtifactReader, checkFitsDevice } from "../artifact/mod.ts";
import { backoffSchedule } from "../core/backoff_schedule.ts";
import { DownloadError, isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { streamArtifact } from "../download/artifact_stream.ts";
import { sleep } from "../runtime/clock.ts";
import type { FileHandle } from "../runtime/files/file_driver.ts";
import { storeFailure } from "../store/store_failure.ts";
import type { DeploymentContext, DeploymentDevice } from "./context.ts";

/** Attempts at one Artifact before the deployment is given up. */
const MAX_ATTEMPTS = 5;
/** Least number of bytes between two progress events. */
const PROGRESS_STEP_BYTES = 256 * 1024;

/**
 * Fetches the Artifact of an offer into the part file, checking it whole while it arrives, and makes
 * it durable. Attempts that broke off are repeated.
 *
 * @returns What the Artifact is; it is complete, undamaged and for this device.
 * @throws {ArtifactError} Damaged, not for this device, not signed as configured.
 * @throws {DownloadError} `download.gave-up`, or a failure that another attempt cannot mend.
 * @throws {StoreError} The part file cannot be written.
 */
export async function fetchArtifact(
  context: DeploymentContext,
  device: DeploymentDevice,
  offer: DeploymentOffer,
  logger: Logger,
  signal: AbortSignal,
): Promise<ArtifactDescription> {
  const { clock, random } = context.drivers;
  const waits = backoffSchedule(context.retryPollMs, random.next);
  for (let attempt = 1;; attempt++) {
    try {
      return await fetchOnce(context, device, offer, signal);
    } catch (error) {
      if (!isMenderError(error, "download.") || error.retry === "never") throw error;
      if (attempt >= MAX_ATTEMPTS) {
        throw new DownloadError(
          "download.gave-up",
          `Cannot download the Artifact: gave up after ${attempt} attempts`,
          { cause: error, retry: "never" },
        );
      }
      const waitMs = typeof error.retry === "object" ? error.retry.afterMs : waits.next().value;
      logger.log(
        "warning",
        `Download attempt ${attempt} of ${MAX_ATTEMPTS} failed; next in ${
          (waitMs / 1000).toFixed(1)
        } s`,
        {},
        error,
      );
      await sleep(clock, waitMs, signal);
    }
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

async function fetchOnce(
  context: DeploymentContext,
  device: DeploymentDevice,
  offer: DeploymentOffer,
  signal: AbortSignal,
): Promise<ArtifactDescription> {
  const { files, clock } = context.drivers;
  const { partFile } = context.paths;
  const reader = new ArtifactReader({
    verifyKeys: context.verifyKeys(),
    onDescription: (description) =>
      checkFitsDevice(description, {
        ...device,
        expectedName: offer.artifactName,
        expectedDeviceTypes: offer.deviceTypes,
      }),
  });
  const progress = new ProgressReport(context, offer.id);
  const part = guard("open", partFile, () => {
    const handle = files.open(partFile, "update");
    handle.truncate(0);
    return handle;
  });
  try {
    await streamArtifact({
      http: context.artifactHttp,
      clock,
      uri: offer.uri,
      signal,
      onStart: (sizeBytes) => progress.start(sizeBytes),
      onChunk: (chunk) => {
        guard("store", partFile, () => part.write(chunk));
        progress.add(chunk.length);
        return reader.push(chunk);
      },
    });
    const description = await reader.finish();
    guard("store", partFile, () => makeDurable(part, partFile));
    progress.end();
    return description;
  } finally {
    reader.abandon();
    part.close();
  }

  function makeDurable(handle: FileHandle, path: string): void {
    handle.sync();
    files.syncDirectory(dirname(path));
  }
}

class ProgressReport {
  readonly #context: DeploymentContext;
  readonly #deploymentId: string;
  #totalBytes: number | undefined;
  #receivedBytes = 0;
  #toldBytes = 0;

  constructor(context: DeploymentContext, deploymentId: string) {
    this.#context = context;
    this.#deploymentId = deploymentId;
  }

  start(totalBytes: number | undefined): void {
    this.#totalBytes = totalBytes;
    this.end();
  }

  add(bytes: number): void {
    this.#receivedBytes += bytes;
    if (this.#receivedBytes - this.#toldBytes >= PROGRESS_STEP_BYTES) this.end();
  }

  end(): void {
    this.#toldBytes = this.#receivedBytes;
    this.#context.onEvent({
      type: "progress",
      deploymentId: this.#deploymentId,
      receivedBytes: this.#receivedBytes,
      totalBytes: this.#totalBytes,
    });
  }
}

function guard<T>(verb: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeFailure(`${verb} the Artifact`, path, error);
  }
}
