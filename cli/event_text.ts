import type { ClientEvent } from "../lib/daemon/client_event.ts";

/** What happened, as a line for people. */
export function eventText(event: ClientEvent): string {
  switch (event.type) {
    case "authorized":
      return "let in by the server";
    case "pending":
      return `not accepted by the server yet; asking again in ${event.nextAttemptSeconds} s`;
    case "inventory-sent":
      return "inventory sent";
    case "polled":
      return `polled: ${event.result}`;
    case "phase": {
      const { deploymentId, phase, artifactName } = event;
      return `deployment ${deploymentId}: ${phase}${artifactName ? ` (${artifactName})` : ""}`;
    }
    case "progress": {
      const { deploymentId, receivedBytes, totalBytes } = event;
      return `deployment ${deploymentId}: received ${receivedBytes} of ${
        totalBytes ?? "unknown"
      } bytes`;
    }
    case "outcome": {
      const { deploymentId, status, message, isAssumed } = event;
      const how = `${status}${isAssumed ? ", assumed" : ""}`;
      return `deployment ${deploymentId}: ${how}${message ? `: ${message}` : ""}`;
    }
    case "failure": {
      const { what, code, message, nextAttemptSeconds } = event;
      return `failed to ${what}: ${message} (${code}); again in ${nextAttemptSeconds} s`;
    }
    case "lost":
      return `${event.count} events were lost`;
    default:
      // A daemon that is newer than this command may tell more.
      return JSON.stringify(event);
  }
}
