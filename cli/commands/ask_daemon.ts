import { ControlError } from "../../lib/core/errors.ts";
import { askControl } from "../../lib/daemon/control/ask_control.ts";
import type { ControlAnswer } from "../../lib/daemon/control/protocol.ts";
import type { CommandContext } from "../command_context.ts";

/** A daemon answers these at once. */
const ANSWER_WITHIN_MS = 5000;

/** Has the running daemon do something now. */
export async function askDaemon(
  context: CommandContext,
  what: "check-update" | "send-inventory",
): Promise<number> {
  await answerOf(context, what);
  return 0;
}

/**
 * Asks the running daemon one thing.
 *
 * @throws {ControlError} `control.nobody`, or the code of what went wrong there.
 */
export async function answerOf(
  { drivers, paths }: CommandContext,
  what: "status" | "check-update" | "send-inventory",
): Promise<ControlAnswer & { readonly ok: true }> {
  const answer = await askControl(
    drivers,
    paths.controlSocket,
    { v: 1, do: what },
    ANSWER_WITHIN_MS,
  );
  if (answer.ok) return answer;
  throw new ControlError(answer.code, `Cannot ask the daemon: ${answer.message}`);
}
