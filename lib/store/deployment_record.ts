import { isDeploymentId } from "../core/deployment_id.ts";
import { DEPLOYMENT_PHASES, type DeploymentPhase } from "../core/deployment_phase.ts";
import { type DeploymentStatus, DEVICE_STATUSES } from "../core/deployment_status.ts";
import type { Logger } from "../core/logger.ts";
import { parsedJson } from "../core/json.ts";
import { list, look, object, oneOf, optional, text, textThat, whole } from "../core/shape.ts";
import { writeFileAtomic } from "../runtime/files/atomic_file.ts";
import { type FileDriver, readText } from "../runtime/files/file_driver.ts";
import { setAside } from "../runtime/files/set_aside.ts";
import type { OutcomeFiles, OutcomeRecord } from "./outcome_file.ts";
import { storeFailure } from "./store_failure.ts";

/** The started sub-updater, enough to recognise it later; or the application in its place. */
export interface HandoffRecord {
  /** Boot of the machine in which it was started. */
  readonly bootId: string;
  /** Its process ID. */
  readonly pid?: number | undefined;
  /** Kernel's start time of that process, against a reuse of the ID. */
  readonly startTime?: string | undefined;
  /** Its systemd unit, when systemd has started it. */
  readonly unit?: string | undefined;
  /** It is no program, but a callback in the process of a client: it ends with that client. */
  readonly isApplication?: true | undefined;
}

/** What the server said of the file that is being downloaded; a resumed download must fit it. */
export interface DownloadRecord {
  /** Size in bytes. */
  readonly totalBytes?: number | undefined;
  /** Strong entity tag. */
  readonly etag?: string | undefined;
  /** Last change, as an HTTP date. */
  readonly lastModified?: string | undefined;
}

/** The outcome of a deployment, as the record holds it. */
export interface SettledOutcome extends OutcomeRecord {
  /**
   * Nobody has reported it: it was concluded from silence. What the sub-updater says itself takes its
   * place, until the server is told.
   */
  readonly isAssumed?: true | undefined;
}

/** All that must survive a power cut about the deployment in progress, or the last one. */
export interface DeploymentRecord {
  /** Version of this form. */
  readonly schema: 1;
  /** Deployment ID. */
  readonly id: string;
  /** Name of the Artifact; empty when the deployment was adopted from a lock alone. */
  readonly artifactName: string;
  /** Where it stands. */
  readonly phase: DeploymentPhase;
  /** The file that is being downloaded. */
  readonly download?: DownloadRecord | undefined;
  /** The started sub-updater. */
  readonly handoff?: HandoffRecord | undefined;
  /** How long it was waited for an outcome, as far as it was observed: milliseconds over all boots. */
  readonly waitedMs?: number | undefined;
  /** A status of the sub-updater that the server has not taken yet. */
  readonly announced?: DeploymentStatus | undefined;
  /** Success or failure. */
  readonly outcome?: SettledOutcome | undefined;
  /** Statuses that the server has accepted, in order. */
  readonly acknowledged: readonly DeploymentStatus[];
}

const RECORD = object({
  schema: oneOf(1),
  id: textThat("the ID of a deployment", isDeploymentId),
  artifactName: text(),
  phase: oneOf(...DEPLOYMENT_PHASES),
  download: optional(object({
    totalBytes: optional(whole(0)),
    etag: optional(text()),
    lastModified: optional(text()),
  })),
  handoff: optional(object({
    bootId: text(),
    pid: optional(whole(1)),
    startTime: optional(text()),
    unit: optional(text()),
    isApplication: optional(oneOf(true)),
  })),
  waitedMs: optional(whole(0)),
  announced: optional(oneOf(...DEVICE_STATUSES)),
  outcome: optional(object({
    status: oneOf("success", "failure"),
    message: optional(text()),
    isAssumed: optional(oneOf(true)),
  })),
  acknowledged: list(oneOf(...DEVICE_STATUSES)),
});

/**
 * `deployment.json`, replaced atomically at each step. One process writes it: the one that holds the
 * instance (see `lib/daemon/instance_guard.ts`). What others may add at any time is an outcome, in a
 * file of its own; reading takes both together.
 */
export class DeploymentRecordFile {
  readonly #files: FileDriver;
  readonly #path: string;
  readonly #outcomes: OutcomeFiles;
  readonly #logger: Logger;
  readonly #onWritten: (record: DeploymentRecord) => void;

  /** Names the record; nothing is read or written yet. `onWritten` is told what has become durable. */
  constructor(
    files: FileDriver,
    path: string,
    outcomes: OutcomeFiles,
    logger: Logger,
    onWritten: (record: DeploymentRecord) => void = () => {},
  ) {
    this.#onWritten = onWritten;
    this.#files = files;
    this.#path = path;
    this.#outcomes = outcomes;
    this.#logger = logger;
  }

  /**
   * Reads the record, with the outcome that was reported meanwhile. One that cannot be understood is set
   * aside as `<path>.corrupt-<n>` with a warning, and counts as absent.
   *
   * @throws {StoreError} The file is there but cannot be read or moved.
   */
  read(): DeploymentRecord | undefined {
    const record = this.#readOwn();
    if (record === undefined || !TAKES_AN_OUTCOME.has(record.phase)) return record;
    if (record.outcome !== undefined && record.outcome.isAssumed !== true) return record;
    const outcome = this.#outcomes.read(record.id);
    return outcome === undefined ? record : { ...record, phase: "outcome_recorded", outcome };
  }

  /**
   * Stores the record, durably.
   *
   * @throws {StoreError} The old one then still stands.
   */
  write(record: DeploymentRecord): void {
    try {
      writeFileAtomic(this.#files, this.#path, JSON.stringify(record, null, 2) + "\n");
    } catch (error) {
      throw storeFailure("store the deployment record", this.#path, error);
    }
    this.#onWritten(record);
  }

  #readOwn(): DeploymentRecord | undefined {
    let json: string | undefined;
    try {
      json = readText(this.#files, this.#path);
    } catch (error) {
      if (!(error instanceof RangeError)) {
        throw storeFailure("read the deployment record", this.#path, error);
      }
      json = ""; // far too large to be ours
    }
    if (json === undefined) return undefined;
    const found = look(RECORD, parsedJson(json));
    if (found.isFit && hasItsOutcome(found.value)) return found.value;
    this.#setAside();
    return undefined;
  }

  #setAside(): void {
    try {
      const aside = setAside(this.#files, this.#path);
      this.#logger.log(
        "warning",
        `The deployment record cannot be understood; it is kept as ${aside}`,
      );
    } catch (error) {
      throw storeFailure("set the unreadable deployment record aside", this.#path, error);
    }
  }
}

/** Phases in which the sub-updater is, or may be, at work. */
const TAKES_AN_OUTCOME: ReadonlySet<DeploymentPhase> = new Set<DeploymentPhase>([
  "handing_over",
  "handed_over",
  "outcome_recorded",
]);

/** Without its outcome it could never be delivered, and nothing else would ever be done. */
function hasItsOutcome({ phase, outcome }: DeploymentRecord): boolean {
  return outcome !== undefined || (phase !== "outcome_recorded" && phase !== "acknowledged");
}
