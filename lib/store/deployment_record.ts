import * as v from "valibot";
import { isDeploymentId } from "../core/deployment_id.ts";
import { DEPLOYMENT_PHASES, type DeploymentPhase, mayFollow } from "../core/deployment_phase.ts";
import { type DeploymentStatus, DEVICE_STATUSES } from "../core/deployment_status.ts";
import { StoreError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { writeFileAtomic } from "../runtime/files/atomic_file.ts";
import { type FileDriver, readText } from "../runtime/files/file_driver.ts";
import { setAside } from "../runtime/files/set_aside.ts";
import { storeFailure } from "./store_failure.ts";

/** A process, enough to recognise it later: the sub-updater, or a `report`. */
export interface HandoffRecord {
  /** Boot of the machine in which it was started. */
  readonly bootId: string;
  /** Its process ID. */
  readonly pid?: number | undefined;
  /** Kernel's start time of that process, against a reuse of the ID. */
  readonly startTime?: string | undefined;
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

/** How a deployment ended on this device. */
export interface OutcomeRecord {
  /** The final status. */
  readonly status: "success" | "failure";
  /** Why, in one sentence. */
  readonly message?: string | undefined;
  /** The `report` that recorded it, and delivers it while it lives. */
  readonly reporter?: HandoffRecord | undefined;
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
  /** Success or failure. */
  readonly outcome?: OutcomeRecord | undefined;
  /** Statuses that the server has accepted, in order. */
  readonly acknowledged: readonly DeploymentStatus[];
}

const processSchema = v.object({
  bootId: v.string(),
  pid: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  startTime: v.optional(v.string()),
});

const recordSchema = v.object({
  schema: v.literal(1),
  id: v.pipe(v.string(), v.check(isDeploymentId)),
  artifactName: v.string(),
  phase: v.picklist(DEPLOYMENT_PHASES),
  download: v.optional(v.object({
    totalBytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
    etag: v.optional(v.string()),
    lastModified: v.optional(v.string()),
  })),
  handoff: v.optional(processSchema),
  outcome: v.optional(v.object({
    status: v.picklist(["success", "failure"]),
    message: v.optional(v.string()),
    reporter: v.optional(processSchema),
  })),
  acknowledged: v.array(v.picklist(DEVICE_STATUSES)),
});

/** `deployment.json`: one writer, replaced atomically at each step. */
export class DeploymentRecordFile {
  readonly #files: FileDriver;
  readonly #path: string;
  readonly #logger: Logger;

  /** Names the record; nothing is read or written yet. */
  constructor(files: FileDriver, path: string, logger: Logger) {
    this.#files = files;
    this.#path = path;
    this.#logger = logger;
  }

  /**
   * Reads the record. One that cannot be understood is set aside as `<path>.corrupt-<n>` with a
   * warning, and counts as absent.
   *
   * @throws {StoreError} The file is there but cannot be read or moved.
   */
  read(): DeploymentRecord | undefined {
    let text: string | undefined;
    try {
      text = readText(this.#files, this.#path);
    } catch (error) {
      if (!(error instanceof RangeError)) {
        throw storeFailure("read the deployment record", this.#path, error);
      }
      text = ""; // far too large to be ours
    }
    if (text === undefined) return undefined;
    const parsed = v.safeParse(recordSchema, parseJson(text));
    if (parsed.success && hasItsOutcome(parsed.output)) return parsed.output;
    this.#setAside();
    return undefined;
  }

  /** Stores the first record of a deployment, in place of the last one's. */
  begin(id: string, artifactName: string, phase: DeploymentPhase = "received"): DeploymentRecord {
    return this.#store({ schema: 1, id, artifactName, phase, acknowledged: [] });
  }

  /**
   * Stores the next step of a deployment. An outcome that another process has recorded meanwhile stands:
   * then only the facts of a hand-off are added to it.
   *
   * @throws {StoreError} `store.bad-step` when the phase may not follow the present one;
   * `store.overtaken` when another deployment has taken the place.
   */
  advance(
    record: DeploymentRecord,
    phase: DeploymentPhase,
    facts: Partial<Pick<DeploymentRecord, "handoff" | "outcome">> = {},
  ): DeploymentRecord {
    const current = this.#currentOf(record);
    if (current.outcome !== undefined && record.outcome === undefined) {
      const { handoff } = facts;
      return handoff === undefined ? current : this.#store({ ...current, handoff });
    }
    if (!mayFollow(record.phase, phase)) {
      throw new StoreError(
        "store.bad-step",
        `Cannot take deployment ${record.id} from "${record.phase}" to "${phase}"`,
        { retry: "never" },
      );
    }
    return this.#store({ ...record, ...facts, phase });
  }

  /** Stores what the server says of the file that is being downloaded. */
  noteDownload(record: DeploymentRecord, download: DownloadRecord): DeploymentRecord {
    const isKnown = JSON.stringify(record.download) === JSON.stringify(download);
    return isKnown ? record : this.#store({ ...record, download });
  }

  /** Stores that the server has accepted a status. */
  acknowledge(record: DeploymentRecord, status: DeploymentStatus): DeploymentRecord {
    const current = this.#currentOf(record);
    const noted = withAcknowledged(current, status);
    return noted === current ? current : this.#store(noted);
  }

  /** The same deployment as it stands on the disk now: `report` and the daemon both write. */
  #currentOf(record: DeploymentRecord): DeploymentRecord {
    const current = this.read();
    if (current === undefined) return record;
    if (current.id === record.id) return current;
    throw new StoreError(
      "store.overtaken",
      `Cannot store a step of deployment ${record.id}: deployment ${current.id} has taken its place`,
      { retry: "never" },
    );
  }

  #store(record: DeploymentRecord): DeploymentRecord {
    try {
      writeFileAtomic(this.#files, this.#path, JSON.stringify(record, null, 2) + "\n");
    } catch (error) {
      throw storeFailure("store the deployment record", this.#path, error);
    }
    return record;
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

/** Without its outcome it could never be delivered, and nothing else would ever be done. */
function hasItsOutcome({ phase, outcome }: DeploymentRecord): boolean {
  return outcome !== undefined || (phase !== "outcome_recorded" && phase !== "acknowledged");
}

/** The record with one more status that the server has accepted; nothing is stored. */
export function withAcknowledged(
  record: DeploymentRecord,
  status: DeploymentStatus,
): DeploymentRecord {
  if (record.acknowledged.includes(status)) return record;
  return { ...record, acknowledged: [...record.acknowledged, status] };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not a record; the schema says so
  }
}
