import type { ArtifactDescription } from "../../artifact/mod.ts";
import { ArtifactReader } from "../../artifact/mod.ts";
import { backoffSchedule } from "../../core/backoff_schedule.ts";
import { HandoffError, isMenderError, messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { type Clock, sleep, within } from "../../runtime/clock.ts";
import type { FileDriver } from "../../runtime/files/file_driver.ts";
import type { OutcomeFiles, OutcomeRecord } from "../../store/outcome_file.ts";
import { storeFailure } from "../../store/store_failure.ts";
import type { AnnouncedStatus, Installation, InstallationHandler } from "./installation.ts";

const READ_BYTES = 256 * 1024;
const LONGEST_STORE_WAIT_MS = 60_000;

/** What an {@link ApplicationHandoff} stands on. */
export interface ApplicationHandoffOptions {
  /** Installs an Artifact. */
  readonly onDeployment: InstallationHandler;
  /** Finishes an installation that was interrupted; absent: it has failed. */
  readonly onResume?: InstallationHandler | undefined;
  /** Files of the machine. */
  readonly files: FileDriver;
  /** Time. */
  readonly clock: Clock;
  /** Source of jitter, 0 <= r < 1. */
  readonly random: () => number;
  /** Where the verified Artifact is. */
  readonly artifactPath: string;
  /** Where outcomes are recorded. */
  readonly outcomes: OutcomeFiles;
  /** Where what happens is written. */
  readonly logger: Logger;
  /** Tells the server a status that is not final. */
  readonly announce: (
    deploymentId: string,
    status: AnnouncedStatus,
  ) => Promise<"accepted" | "gone" | "recorded">;
  /** Told when an outcome is recorded. */
  readonly onOutcome: (deploymentId: string) => void;
}

/** A deployment that is handed to the application. */
export interface HandedDeployment {
  /** Its ID. */
  readonly deploymentId: string;
  /** Name of the Artifact. */
  readonly artifactName: string;
  /** Whether an earlier process has begun with it. */
  readonly isResumed: boolean;
  /** Whether the machine was started anew since. */
  readonly hasRebooted: boolean;
  /** What the Artifact provides, as {@link ApplicationHandoff.readProvides} has read it. */
  readonly provides: Readonly<Record<string, string>>;
}

/**
 * The application that this client is a part of, in the place of a sub-updater: installs in this process,
 * one deployment at a time. What it makes of it is recorded as `report` records it. When the process ends
 * before, the start marker tells the next one that it had begun: `onDeployment` is called at most once for
 * a deployment.
 */
export class ApplicationHandoff {
  readonly #options: ApplicationHandoffOptions;
  readonly #stop = new AbortController();
  #current: { readonly deploymentId: string; readonly settled: Promise<void> } | undefined;

  /** Notes the application; nothing is called yet. */
  constructor(options: ApplicationHandoffOptions) {
    this.#options = options;
  }

  /** Whether it can go on with an installation that was interrupted. */
  get canResume(): boolean {
    return this.#options.onResume !== undefined;
  }

  /** Whether it is at work for a deployment, or its outcome is not recorded yet. */
  isRunning(deploymentId: string): boolean {
    return this.#current?.deploymentId === deploymentId;
  }

  /**
   * What the Artifact provides; nothing when it is not there any more. Only its header is read again: it
   * was verified with the whole Artifact, which lies in its place since.
   *
   * @throws {StoreError} It cannot be read.
   */
  async readProvides(): Promise<Readonly<Record<string, string>>> {
    const { files, artifactPath } = this.#options;
    if (files.stat(artifactPath) === undefined) return {};
    let description: ArtifactDescription | undefined;
    const reader = new ArtifactReader({
      verifyKeys: [],
      onDescription: (found) => void (description = found),
    });
    try {
      for await (const chunk of this.#read()) {
        await reader.push(chunk);
        if (description !== undefined) break;
      }
    } finally {
      reader.abandon();
    }
    return description?.provides ?? {};
  }

  /** Calls the application, at once; that it has begun is durable already. It goes on beside all else. */
  begin(deployment: HandedDeployment): void {
    const { deploymentId } = deployment;
    this.#current = { deploymentId, settled: this.#carryOut(deployment) };
  }

  /**
   * Aborts the application's signal, and waits until it has settled.
   *
   * @throws {HandoffError} `handoff.still-running`: it does not heed its signal. It counts as interrupted.
   */
  async close(withinMs: number): Promise<void> {
    this.#stop.abort(new HandoffError("handoff.closing", "The client is being closed"));
    const { clock } = this.#options;
    const current = this.#current;
    if (current === undefined) return;
    await within(clock, withinMs, () => stillRunning(current.deploymentId), current.settled);
  }

  async #carryOut(deployment: HandedDeployment): Promise<void> {
    const { deploymentId } = deployment;
    const outcome = await this.#outcomeOf(deployment);
    const isRecorded = outcome !== undefined && await this.#record(deploymentId, outcome);
    this.#current = undefined;
    if (isRecorded) this.#options.onOutcome(deploymentId);
  }

  /** What the application makes of it; `undefined`: it was interrupted. */
  async #outcomeOf(deployment: HandedDeployment): Promise<OutcomeRecord | undefined> {
    const { onDeployment, onResume, logger } = this.#options;
    const handler = deployment.isResumed ? onResume : onDeployment;
    try {
      const message = await handler?.(this.#installation(deployment));
      return { status: "success", ...(message && { message: String(message) }) };
    } catch (error) {
      if (this.#stop.signal.aborted) {
        logger.log("info", "The installation was interrupted", {}, error);
        return undefined;
      }
      logger.log("error", "The application could not install the Artifact", {}, error);
      return { status: "failure", message: messageOf(error) };
    }
  }

  #installation(deployment: HandedDeployment): Installation {
    const { artifactPath, announce } = this.#options;
    const { deploymentId, artifactName, hasRebooted, provides } = deployment;
    return {
      deploymentId,
      artifactName,
      artifactPath,
      provides,
      signal: this.#stop.signal,
      hasRebooted,
      read: () => this.#read(),
      announce: (status) => announce(deploymentId, status),
    };
  }

  /** A generator, so that whoever leaves its loop closes the file. */
  async *#read(): AsyncGenerator<Uint8Array, void> {
    const { files, artifactPath } = this.#options;
    try {
      const handle = files.open(artifactPath, "read");
      try {
        for (;;) {
          const chunk = new Uint8Array(READ_BYTES);
          const count = handle.read(chunk);
          if (count === 0) return;
          yield chunk.subarray(0, count);
        }
      } finally {
        handle.close();
      }
    } catch (error) {
      throw isMenderError(error) ? error : storeFailure("read the Artifact", artifactPath, error);
    }
  }

  /** Records the outcome, as often as it takes; `false` when the client is closed before. */
  async #record(deploymentId: string, outcome: OutcomeRecord): Promise<boolean> {
    const { outcomes, logger, clock, random } = this.#options;
    for (const waitMs of backoffSchedule(LONGEST_STORE_WAIT_MS, random)) {
      try {
        const standing = outcomes.record(deploymentId, outcome);
        if (standing.status !== outcome.status) {
          const what = `"${standing.status}" was reported before, and stands`;
          logger.log("warning", `The outcome "${outcome.status}" comes too late: ${what}`);
        }
        return true;
      } catch (error) {
        logger.log("error", "The outcome cannot be recorded; trying again", {}, error);
      }
      try {
        await sleep(clock, waitMs, this.#stop.signal);
      } catch {
        return false; // closed: it is an interruption for the next process
      }
    }
    return false;
  }
}

function stillRunning(deploymentId: string): HandoffError {
  return new HandoffError(
    "handoff.still-running",
    `Cannot close in order: the application still installs deployment ${deploymentId}`,
    { hint: "End the installation when its signal is aborted", retry: "never" },
  );
}
