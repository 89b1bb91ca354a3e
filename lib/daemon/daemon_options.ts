import type { Device } from "../device/device.ts";
import type { Logger } from "../core/logger.ts";
import type { Clock } from "../runtime/clock.ts";
import type { RandomDriver } from "../runtime/drivers.ts";
import type { ClientEvent } from "./client_event.ts";
import type { RestState } from "./state_text.ts";

/** What of a daemon follows from the configuration, and can be changed while it runs. */
export interface DaemonSettings {
  /** The device that it serves. */
  readonly device: Device;
  /** Wait between two questions for a deployment, in milliseconds. */
  readonly updatePollMs: number;
  /** Wait between two inventories, in milliseconds. */
  readonly inventoryPollMs: number;
  /** Longest wait before a failed call is tried again, in milliseconds. */
  readonly retryPollMs: number;
  /** Others use the token too: it is asked for also while an outcome is waited for. */
  readonly isTokenShared?: boolean;
}

/** What the daemon runs with. */
export interface DaemonOptions extends DaemonSettings {
  /** Time. */
  readonly clock: Clock;
  /** Jitter of the waits. */
  readonly random: RandomDriver;
  /** Where what happens is written. */
  readonly logger: Logger;
  /** Longest random wait before the first contact, in milliseconds; none when absent. */
  readonly firstContactSpreadMs?: number;
  /** Told, each time before a wait, what is waited for. */
  readonly onRest?: (state: RestState) => void;
  /** Does everything once and returns, without a wait. */
  readonly isOnce?: boolean;
  /** Goes on after a hand-off, waiting for the outcome, instead of returning. */
  readonly isStaying?: boolean;
  /** Told what happens; the device tells of its deployments itself. */
  readonly onEvent?: (event: ClientEvent) => void;
}

/** Why the daemon returned: after a hand-off, or after one round that did or did not succeed. */
export type DaemonEnd = "handed-over" | "done" | "failed";
