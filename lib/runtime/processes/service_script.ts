import { fileURLToPath } from "node:url";

/** The fixed helper scripts that processes are started through; see `scripts/service/`. */
export type ServiceScript =
  | "run_bounded.sh"
  | "process_identity.sh"
  | "handoff.sh"
  | "systemd_unit.sh"
  | "pty.sh"
  | "end_session.sh";

/** Path of a helper script, beside the sources or inside the installed package. */
export function serviceScript(name: ServiceScript): string {
  return fileURLToPath(new URL(`../../../scripts/service/${name}`, import.meta.url));
}
