import type { DeploymentEvent } from "../deployment/context.ts";

/** What a daemon is about when it has nothing to do for a while. */
export type RestState =
  | { readonly type: "polling"; readonly intervalMs: number }
  | { readonly type: "waiting-for-outcome" }
  | { readonly type: "not-let-in"; readonly failure: string | undefined };

/** The state in a few words, which change only when it does. */
export function restText(state: RestState): string {
  switch (state.type) {
    case "polling":
      return `Polls every ${state.intervalMs / 1000} s`;
    case "waiting-for-outcome":
      return "A deployment is with the sub-updater";
    case "not-let-in":
      return state.failure === undefined
        ? "Not in contact with the server yet"
        : `Not let in by the server (${state.failure})`;
  }
}

/** A step of a deployment in a few words; `undefined` for what is not worth a process. */
export function phaseText(event: DeploymentEvent): string | undefined {
  return event.type === "phase" ? `Deployment ${event.deploymentId}: ${event.phase}` : undefined;
}
