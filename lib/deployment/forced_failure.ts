import type { ControlState } from "../control/control_map.ts";
import { ControlError } from "../core/errors.ts";

/** The error of a deployment that a map has fail. Its message is what a sub-updater is told, too. */
export function forcedFailure(state: ControlState): ControlError {
  return new ControlError("control.forced-failure", `Update control has it fail at ${state}`, {
    retry: "never",
  });
}
