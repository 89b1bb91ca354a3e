import type { KeyObject } from "node:crypto";
import type { DeviceSession } from "../api/device_session.ts";
import type { Paths } from "../config/mod.ts";
import type { Logger } from "../core/logger.ts";
import type { LogSink } from "../log/record.ts";
import type { Drivers } from "../runtime/drivers.ts";
import type { HttpDriver } from "../runtime/http/http_driver.ts";
import type { ApplicationHandoff } from "./handoff/application_handoff.ts";
import type { DeploymentFiles } from "./deployment_files.ts";
import type { UpdateGate } from "./update_gate.ts";
import type { WaitMeter } from "./wait_meter.ts";

/** The device as a deployment sees it. */
export interface DeploymentDevice {
  /** From the `device_type` file. */
  readonly deviceType: string;
  /** Name of the installed Artifact and what else it provides. */
  readonly provides: Readonly<Record<string, string>>;
}

/**
 * Progress of a deployment, for the log, for a progress bar, for `status` and for applications; all of
 * them show these numbers. A phase and an outcome are told once they are durable. Events of `progress` come between the phases `downloading` and `downloaded`, and the numbers
 * stand until the next one.
 */
export type DeploymentEvent =
  | {
    readonly type: "phase";
    readonly deploymentId: string;
    /** What the deployment has come to: one of `DEPLOYMENT_PHASES`. */
    readonly phase: string;
    /** Name of the Artifact; absent when only the lock file has named the deployment. */
    readonly artifactName?: string;
  }
  | {
    readonly type: "outcome";
    readonly deploymentId: string;
    /** How it ended on this device; the server may not know it yet. */
    readonly status: "success" | "failure";
    /** Why, in one sentence. */
    readonly message?: string;
    /** Nobody has reported it: it was concluded, and a report may still take its place. */
    readonly isAssumed?: true;
  }
  | {
    readonly type: "progress";
    readonly deploymentId: string;
    /** Bytes stored, those of an earlier process included; fewer than before when it starts again. */
    readonly receivedBytes: number;
    /** Bytes announced; `undefined` when the server does not say. */
    readonly totalBytes: number | undefined;
    /** Mean rate of the last ten seconds or so, in bytes per second; absent while that is unknown. */
    readonly bytesPerSecond?: number | undefined;
  };

/** What carrying out and reporting a deployment stands on. */
export interface DeploymentContext extends DeploymentFiles {
  /** The machine. */
  readonly drivers: Pick<Drivers, "files" | "processes" | "clock" | "random">;
  /** Where everything is. */
  readonly paths: Paths;
  /** Directory of the deployment logs. */
  readonly logDirectory: string;
  /** The device's standing with its server. */
  readonly session: DeviceSession;
  /** Client for Artifact links, without credentials. */
  readonly artifactHttp: HttpDriver;
  /**
   * Gives the keys of which one must have signed the Artifact; none configured: unsigned ones pass.
   * Rejects when a configured key cannot be read: then no Artifact passes.
   */
  readonly verifyKeys: () => Promise<readonly KeyObject[]>;
  /**
   * Asks the server for a fresh link of a deployment.
   *
   * @returns `undefined` when it does not offer that deployment any more.
   * @throws What the session throws.
   */
  readonly renewLink: (deploymentId: string, signal: AbortSignal) => Promise<string | undefined>;
  /** Where an update asks whether it may go on. */
  readonly gate: UpdateGate;
  /** When a download is given up, and how fast it may be. */
  readonly downloadLimits: {
    /** Attempts in a row without progress. */
    readonly maxTries: number;
    /** Time that a download may take, in milliseconds. */
    readonly maxMs: number;
    /** Highest mean rate; 0 = no limit. */
    readonly bytesPerSecond: number;
  };
  /** How the sub-updater is started, and how long its outcome is waited for; 0 = without end. */
  readonly handoff: { readonly runner: "auto" | "systemd" | "fork"; readonly timeoutMs: number };
  /** Installs in this process, in place of the sub-updater. */
  readonly application?: ApplicationHandoff | undefined;
  /** Counts that wait. */
  readonly waitMeter: WaitMeter;
  /** Longest wait between attempts, in milliseconds (`RetryPollIntervalSeconds`). */
  readonly retryPollMs: number;
  /** Logger of everything outside one deployment. */
  readonly logger: Logger;
  /** Makes a logger that writes to another sink too: the deployment's own log. */
  readonly loggerWith: (sink: LogSink) => Logger;
  /** Masks secrets in text that leaves the device. */
  readonly redact: (text: string) => string;
  /** Told what happens. */
  readonly onEvent: (event: DeploymentEvent) => void;
}
