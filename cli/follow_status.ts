import { isMenderError } from "../lib/core/errors.ts";
import type { ClientEvent } from "../lib/daemon/client_event.ts";
import { followControl } from "../lib/daemon/control/follow_control.ts";
import type { DaemonStatus } from "../lib/daemon/daemon_status.ts";
import { sleep } from "../lib/runtime/clock.ts";
import { errnoOf } from "../lib/runtime/files/file_driver.ts";
import type { CommandContext } from "./command_context.ts";
import { eventText } from "./event_text.ts";
import { printable } from "./printable.ts";

/** How often it is looked for a daemon while none runs. */
const LOOK_EVERY_MS = 1000;

/** Reasons for which there is nobody to follow at this moment. */
const PASSING = ["control.nobody", "control.hung-up", "control.busy", "control.ending"];

/**
 * Prints how daemon and deployment stand, then what happens, across restarts of the daemon.
 *
 * @param isJson One JSON object a line: the status with the type `status`, and each event.
 * @param viewOf What is shown of a daemon that runs, or of none.
 * @param linesOf The same for people.
 * @returns 0, when nobody reads what is printed any more.
 * @throws The reason of the context's signal, which ends it as a rule.
 */
export async function followStatus<View extends object>(
  context: CommandContext,
  isJson: boolean,
  viewOf: (running: DaemonStatus | undefined) => View,
  linesOf: (view: View) => string[],
): Promise<number> {
  const { drivers, paths, signal } = context;
  const print = (line: string): void => drivers.self.writeOut(`${line}\n`);
  const showStatus = (running: DaemonStatus | undefined): void => {
    const view = viewOf(running);
    if (isJson) print(JSON.stringify({ type: "status", ...view }));
    else for (const line of linesOf(view)) print(printable(line));
  };
  const showEvent = (event: ClientEvent): void =>
    print(isJson ? JSON.stringify(event) : printable(eventText(event)));
  let isThere: boolean | undefined;
  try {
    for (;;) {
      try {
        for await (const line of followControl(drivers, paths.controlSocket, signal)) {
          isThere = true;
          if ("status" in line) showStatus(line.status);
          else showEvent(line.event);
        }
      } catch (error) {
        if (!isMenderError(error) || !PASSING.includes(error.code)) throw error;
      }
      if (isThere !== false) showStatus(undefined);
      isThere = false;
      await sleep(drivers.clock, LOOK_EVERY_MS, signal);
    }
  } catch (error) {
    if (errnoOf(error) === "EPIPE") return 0;
    throw error;
  }
}
