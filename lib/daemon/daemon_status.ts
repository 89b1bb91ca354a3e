import type { LivePool } from "../control/live_pool.ts";
import { expiresInMs } from "../control/map_pool.ts";
import { isOver } from "../core/deployment_phase.ts";
import type { ClientEvent } from "./client_event.ts";

/** A deployment that a daemon works on, or waits for. */
export interface DeploymentStatusView {
  /** Its ID. */
  readonly id: string;
  /** Where it stands; one of the phases of the deployment record. */
  readonly phase: string;
  /** Bytes stored, while it is downloaded. */
  readonly receivedBytes?: number;
  /** Bytes announced, when the server says so. */
  readonly totalBytes?: number;
  /** Mean rate of the download, when it can be told. */
  readonly bytesPerSecond?: number;
}

/** The last thing that failed. */
export interface FailureView {
  /** What was to be done. */
  readonly what: string;
  /** Stable code; `internal` for what is none of our errors. */
  readonly code: string;
  /** One sentence. */
  readonly message: string;
  /** How long ago. */
  readonly secondsAgo: number;
}

/** An Update Control Map that is in effect. */
export interface MapView {
  /** Its ID. */
  readonly id: string;
  /** Its priority. */
  readonly priority: number;
  /** What it says now at each point that it names. */
  readonly actions: Readonly<Record<string, string>>;
  /** Until it expires; absent once it has. */
  readonly expiresSeconds?: number;
}

/** The maps of a device, as they are shown. */
export function mapViews(maps: LivePool): MapView[] {
  const now = maps.nowMs;
  return maps.maps.map((entry) => ({
    id: entry.map.id,
    priority: entry.map.priority,
    actions: Object.fromEntries(
      Object.entries(entry.map.states).map(([state, actions]) => [
        state,
        entry.isExpired ? actions.onMapExpire : actions.action,
      ]),
    ),
    ...(!entry.isExpired && { expiresSeconds: Math.round(expiresInMs(entry, now) / 1000) }),
  }));
}

/** What a running daemon says of itself. Times are seconds of its monotonic clock. */
export interface DaemonStatus {
  /** Whether the server has let the device in. */
  readonly isAuthorized: boolean;
  /** Since the last question for a deployment that was answered; absent when none was. */
  readonly lastPollSecondsAgo?: number;
  /** Until the next question; absent while a deployment is with its sub-updater. */
  readonly nextPollSeconds?: number;
  /** Until the next inventory; absent likewise. */
  readonly nextInventorySeconds?: number;
  /** Whether polls are overdue: nothing was answered for two intervals and a retry. */
  readonly isStale: boolean;
  /** The deployment in progress. */
  readonly deployment?: DeploymentStatusView;
  /** Update Control Maps in effect. */
  readonly controlMaps: readonly MapView[];
  /** The last failure since the last success of the same kind. */
  readonly lastFailure?: FailureView;
}

/** Milliseconds as seconds, to a tenth. */
export function tenths(ms: number): number {
  return Math.round(ms / 100) / 10;
}

/** Follows the events of deployments, for whoever asks where one stands. */
export class DeploymentFollower {
  #view: DeploymentStatusView | undefined;

  /** The deployment that was heard of last, unless it is over. */
  get view(): DeploymentStatusView | undefined {
    return this.#view;
  }

  /** Takes an event; what is none of a deployment's progress is passed over. */
  readonly take = (event: ClientEvent): void => {
    if (event.type === "phase") {
      this.#view = isOver(event.phase) ? undefined : { id: event.deploymentId, phase: event.phase };
      return;
    }
    if (event.type !== "progress") return;
    const { deploymentId: id, receivedBytes, totalBytes, bytesPerSecond } = event;
    this.#view = {
      id,
      phase: "downloading",
      receivedBytes,
      ...(totalBytes !== undefined && { totalBytes }),
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    };
  };
}
