import { type Clock, within } from "../../runtime/clock.ts";
import type { SocketConnection } from "../../runtime/socket_driver.ts";
import { ControlError } from "../../core/errors.ts";
import { type ControlFeed, controlLine } from "./protocol.ts";

/** How long a client may take nothing; meanwhile the oldest events are dropped for it. */
const WRITE_WITHIN_MS = 30_000;

/**
 * Sends a client what happens, a line for each event, until it hangs up or the events end. One that takes
 * nothing for half a minute is hung up on; what it sends is not looked at any more.
 *
 * @param lines What the client sends; their end is that of the client.
 * @throws {ControlError} `control.slow-reader`.
 * @throws The runtime's error when the connection breaks.
 */
export async function feedEvents(
  connection: SocketConnection,
  lines: AsyncIterableIterator<string>,
  { answer, events }: ControlFeed,
  clock: Clock,
): Promise<void> {
  void leaveAtEnd(lines, events);
  try {
    await writeInTime(connection, answer, clock);
    for await (const event of events) await writeInTime(connection, { ok: true, event }, clock);
  } finally {
    await events.return?.();
    connection.abort();
  }
}

/** Ends the events when the client has gone, which ends the loop over them. */
async function leaveAtEnd(
  lines: AsyncIterableIterator<string>,
  events: AsyncIterableIterator<object>,
): Promise<void> {
  try {
    while ((await lines.next()).done !== true);
  } catch {
    // A connection that breaks has ended too.
  }
  await events.return?.();
}

function writeInTime(connection: SocketConnection, value: object, clock: Clock): Promise<void> {
  return within(clock, WRITE_WITHIN_MS, slowReader, connection.write(controlLine(value)));
}

function slowReader(): ControlError {
  return new ControlError("control.slow-reader", "A client that follows the events takes nothing");
}
