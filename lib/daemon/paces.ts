import type { Config } from "../config/mod.ts";
import type { DaemonSettings } from "./daemon_options.ts";

/** The waits of a daemon, as they are configured. */
export function pacesOf(
  { updatePollMs, inventoryPollMs, retryPollMs }: Config,
): Omit<DaemonSettings, "device" | "isTokenShared"> {
  return { updatePollMs, inventoryPollMs, retryPollMs };
}
