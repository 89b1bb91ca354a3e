import type { Clock } from "../clock.ts";
import type { ProcessDriver } from "../processes/process_driver.ts";
import { nativePty } from "./native_pty.ts";
import type { PtyDriver } from "./pty_driver.ts";
import { scriptPty } from "./script_pty.ts";

/** The best way to make pseudo-terminals that there is here; whether it works, its first use tells. */
export async function openPty(processes: ProcessDriver, clock: Clock): Promise<PtyDriver> {
  return await nativePty() ?? scriptPty(processes, clock);
}
