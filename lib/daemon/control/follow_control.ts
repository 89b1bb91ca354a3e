import { ControlError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Clock } from "../../runtime/clock.ts";
import { onAbort } from "../../runtime/on_abort.ts";
import type { SocketDriver } from "../../runtime/socket_driver.ts";
import { textLines } from "../../runtime/text_lines.ts";
import type { ClientEvent } from "../client_event.ts";
import type { DaemonStatus } from "../daemon_status.ts";
import { connectControl, hungUp, noAnswer } from "./ask_control.ts";
import { controlLine, MAX_LINE_LENGTH, parseAnswer } from "./protocol.ts";

/** How the daemon stands, at the beginning; then each event. */
export type FollowedLine =
  | { readonly status: DaemonStatus }
  | { readonly event: ClientEvent };

/** A daemon that runs answers at once. */
const ANSWER_WITHIN_MS = 5000;

/**
 * Follows what happens to the daemon, or to the application, that holds a control socket: first how it
 * stands, then each event, until it ends, the loop is left, or `signal` is aborted.
 *
 * @throws {ControlError} What `askControl` throws; `control.busy`, `control.too-many-followers`.
 * @throws The reason of `signal`.
 */
export async function* followControl(
  { sockets, clock }: { readonly sockets: SocketDriver; readonly clock: Clock },
  path: string,
  signal: AbortSignal,
): AsyncGenerator<FollowedLine, void> {
  signal.throwIfAborted();
  const connection = await connectControl(sockets, path);
  const end = (): void => connection.abort();
  const forget = onAbort(signal, end);
  let isLate = false;
  const cancel = clock.after(ANSWER_WITHIN_MS, () => {
    isLate = true;
    end();
  });
  let isFirst = true;
  try {
    await connection.write(controlLine({ v: 1, do: "follow" }));
    for await (const line of textLines(connection.readable, MAX_LINE_LENGTH)) {
      cancel();
      const followed = read(line);
      if (followed === undefined) throw noAnswer(path);
      isFirst = false;
      yield followed;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ControlError) throw error;
    // It went away in the middle, whichever way that shows.
  } finally {
    cancel();
    forget();
    connection.abort();
  }
  signal.throwIfAborted();
  if (isFirst) throw isLate ? noAnswer(path) : hungUp(path);
}

/** A line of the daemon; `undefined` when it cannot be understood. */
function read(line: string): FollowedLine | undefined {
  const answer = parseAnswer(line);
  if (answer === undefined) return undefined;
  if (!answer.ok) {
    throw new ControlError(answer.code, `Cannot follow the daemon: ${answer.message}`);
  }
  const { status, event } = answer as JsonObject;
  if (status !== undefined) return { status: status as unknown as DaemonStatus };
  return event === undefined ? undefined : { event: event as unknown as ClientEvent };
}
