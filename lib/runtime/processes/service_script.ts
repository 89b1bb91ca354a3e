import { join } from "../../core/posix_path.ts";
import { projectDirectory } from "../project_directory.ts";

/** The fixed helper scripts that processes are started through; see `scripts/service/`. */
export type ServiceScript =
  | "run_bounded.sh"
  | "process_identity.sh"
  | "handoff.sh"
  | "systemd_unit.sh"
  | "pty.sh"
  | "end_session.sh";

/** Path of a helper script: beside the sources, or where an executable has it. */
export function serviceScript(name: ServiceScript): string {
  return join(projectDirectory(), "scripts/service", name);
}
