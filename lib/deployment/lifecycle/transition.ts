import type { DeploymentPhase } from "../../core/deployment_phase.ts";
import type { DeploymentStatus } from "../../core/deployment_status.ts";
import { StoreError } from "../../core/errors.ts";
import type {
  DeploymentRecord,
  DownloadRecord,
  HandoffRecord,
  SettledOutcome,
} from "../../store/deployment_record.ts";

/** What can happen to a deployment on this device. */
export type LifecycleEvent =
  /** The server offers a deployment that is not in progress here. */
  | { readonly type: "offered"; readonly id: string; readonly artifactName: string }
  /** The server offers the deployment that an earlier process had begun. */
  | { readonly type: "offered-again" }
  /** A lock names a deployment that came to its sub-updater without us. */
  | { readonly type: "adopted"; readonly id: string }
  /** The old Artifact is gone: there is room for the new one. */
  | { readonly type: "begun" }
  /** The server said something new of the file that is being downloaded. */
  | { readonly type: "described"; readonly download: DownloadRecord }
  /** All bytes are stored, and were checked. */
  | { readonly type: "stored" }
  /** The Artifact is where the sub-updater will find it. */
  | { readonly type: "placed" }
  /** An Update Control Map says pause. */
  | { readonly type: "held" }
  /** No Update Control Map stands against the installation. */
  | { readonly type: "let-pass" }
  /** Nothing stands against the hand-off. */
  | { readonly type: "cleared" }
  /** The sub-updater runs, or ran. */
  | { readonly type: "started"; readonly handoff: HandoffRecord | undefined }
  /** So much of the wait for an outcome was observed, all in all. */
  | { readonly type: "waited"; readonly waitedMs: number }
  /** The sub-updater wants the server to know what it is about to do. */
  | { readonly type: "announced"; readonly status: DeploymentStatus }
  /** The server has accepted a status. */
  | { readonly type: "told"; readonly status: DeploymentStatus }
  /** Success or failure is known. */
  | { readonly type: "ended"; readonly outcome: SettledOutcome }
  /** The server is about to be told the outcome: from now on it stands. */
  | { readonly type: "delivering" }
  /** The server knows the outcome, or does not want to. */
  | { readonly type: "delivered" }
  /** The server has taken the deployment back. */
  | { readonly type: "withdrawn" };

/** Work that an event makes due, to be done once the event is durable, in this order. */
export type Effect =
  | "discard-artifact"
  | "clear-room"
  | "take-back"
  | "tell-downloading"
  | "download"
  | "put-in-place"
  | "check-sub-updater"
  | "ask-maps"
  | "wait-for-maps"
  | "tell-installing"
  | "hand-over"
  | "release-lock"
  | "deliver";

interface Row {
  readonly to: DeploymentPhase;
  readonly effects: readonly Effect[];
}

type Rows = Readonly<Partial<Record<LifecycleEvent["type"], Row>>>;

const row = (to: DeploymentPhase, ...effects: Effect[]): Row => ({ to, effects });

/** What may become of a deployment when nothing outside was touched yet. */
const BEFORE_HAND_OFF: Rows = {
  offered: row("received", "clear-room"),
  adopted: row("handed_over"),
  withdrawn: row("aborted", "discard-artifact"),
  ended: row("outcome_recorded", "discard-artifact", "deliver"),
};

const RESUMED = row("downloading", "take-back", "tell-downloading", "download");

const AT_REST: Rows = {
  offered: row("received", "clear-room"),
  adopted: row("handed_over"),
};

/**
 * Every step that a deployment may take. What is not here is refused: above all, nothing leads from the
 * hand-off back to before it, and nothing follows an outcome but its delivery.
 */
const TABLE: Readonly<Record<DeploymentPhase | "none", Rows>> = {
  none: AT_REST,
  received: { ...BEFORE_HAND_OFF, begun: row("downloading", "tell-downloading", "download") },
  downloading: {
    ...BEFORE_HAND_OFF,
    "offered-again": RESUMED,
    described: row("downloading"),
    told: row("downloading"),
    stored: row("downloaded", "put-in-place"),
  },
  downloaded: {
    ...BEFORE_HAND_OFF,
    "offered-again": RESUMED,
    placed: row("verified", "check-sub-updater", "ask-maps"),
  },
  verified: {
    ...BEFORE_HAND_OFF,
    "offered-again": RESUMED,
    told: row("verified"),
    held: row("held", "wait-for-maps"),
    "let-pass": row("verified", "tell-installing"),
    cleared: row("handing_over", "hand-over"),
  },
  held: {
    ...BEFORE_HAND_OFF,
    "offered-again": RESUMED,
    told: row("held"),
    "let-pass": row("verified", "tell-installing"),
  },
  handing_over: {
    // Another client, before us or beside us, has begun another deployment: the lock is the truth.
    adopted: row("handed_over"),
    started: row("handed_over"),
    // The sub-updater does not run, for certain: there is nobody for whom the lock would stand.
    ended: row("outcome_recorded", "release-lock", "discard-artifact", "deliver"),
  },
  handed_over: {
    adopted: row("handed_over"),
    ended: row("outcome_recorded", "deliver"),
    waited: row("handed_over"),
    announced: row("handed_over"),
    told: row("handed_over"),
  },
  outcome_recorded: {
    delivering: row("outcome_recorded"),
    told: row("outcome_recorded"),
    delivered: row("acknowledged", "discard-artifact"),
  },
  acknowledged: { ...AT_REST, told: row("acknowledged") },
  aborted: AT_REST,
};

/**
 * The state machine of a deployment: what an event makes of it, and what is to be done then. Pure; time
 * comes in with the events.
 *
 * @param record The deployment as it stands, `undefined` when there was none.
 * @returns The deployment after the event, to be stored before any of `effects` is begun.
 * @throws {StoreError} `store.bad-step`: the event cannot happen in that phase.
 * @see architecture section 2
 */
export function transition(
  record: DeploymentRecord | undefined,
  event: LifecycleEvent,
): { readonly record: DeploymentRecord; readonly effects: readonly Effect[] } {
  const step = TABLE[record?.phase ?? "none"][event.type];
  if (step === undefined) {
    throw new StoreError(
      "store.bad-step",
      `Cannot take the step "${event.type}" with deployment ${
        record?.id ?? "none"
      } in phase "${record?.phase}"`,
      { retry: "never" },
    );
  }
  return { record: { ...changed(record, event), phase: step.to }, effects: step.effects };
}

function changed(
  record: DeploymentRecord | undefined,
  event: LifecycleEvent,
): Omit<DeploymentRecord, "phase"> {
  if (event.type === "offered" || event.type === "adopted") {
    const artifactName = event.type === "offered" ? event.artifactName : "";
    return { schema: 1, id: event.id, artifactName, acknowledged: [] };
  }
  // The table has no other step from nothing.
  const known = record!;
  switch (event.type) {
    case "described":
      return { ...known, download: event.download };
    case "held":
      return withHeld(known);
    case "let-pass":
      // Durable before the server is told: from then on it is not told anything earlier, whatever dies.
      return { ...known, announced: "installing" };
    case "started":
      return event.handoff === undefined ? known : { ...known, handoff: event.handoff };
    case "waited":
      return { ...known, waitedMs: event.waitedMs };
    case "announced":
      return { ...known, announced: event.status };
    case "told":
      return withTold(known, event.status);
    case "ended":
      return { ...known, announced: undefined, outcome: event.outcome };
    case "delivering":
      return { ...known, announced: undefined, outcome: settled(known.outcome) };
    default:
      return known;
  }
}

/** Durable before the server is told, for the same reason. */
function withHeld(record: DeploymentRecord): DeploymentRecord {
  const status = "pause_before_installing";
  return record.acknowledged.includes(status) ? record : { ...record, announced: status };
}

function withTold(record: DeploymentRecord, status: DeploymentStatus): DeploymentRecord {
  const { announced, acknowledged } = record;
  return {
    ...record,
    announced: announced === status ? undefined : announced,
    acknowledged: acknowledged.includes(status) ? acknowledged : [...acknowledged, status],
  };
}

function settled(outcome: SettledOutcome | undefined): SettledOutcome | undefined {
  return outcome === undefined ? undefined : { ...outcome, isAssumed: undefined };
}
