import type { DeploymentEvent } from "../deployment/context.ts";
import type { RunResult } from "../deployment/deployment_run.ts";

/**
 * What happens to a client while it runs: plain JSON, the same for readers in the process and for those
 * behind the control socket. Further types may be added: a reader passes over what it does not know.
 */
export type ClientEvent =
  | DeploymentEvent
  /** The server has let the device in. */
  | { readonly type: "authorized" }
  /** The server has not accepted the device yet; it is asked again. */
  | { readonly type: "pending"; readonly nextAttemptSeconds: number }
  /** The server has the inventory. */
  | { readonly type: "inventory-sent" }
  /** The server has answered the question for a deployment; told when what came of it is done. */
  | { readonly type: "polled"; readonly result: RunResult | "nothing" }
  /** Something failed, and is tried again. */
  | {
    readonly type: "failure";
    /** What was to be done. */
    readonly what: string;
    /** Stable code; `internal` for what is none of our errors. */
    readonly code: string;
    /** One sentence. */
    readonly message: string;
    /** What can be done about it. */
    readonly hint?: string;
    /** When it is tried again. */
    readonly nextAttemptSeconds: number;
  }
  /** This reader did not keep up: so many events before the next one are gone. */
  | { readonly type: "lost"; readonly count: number };
