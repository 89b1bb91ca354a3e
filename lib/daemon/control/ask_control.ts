import { ControlError } from "../../core/errors.ts";
import { type Clock, within } from "../../runtime/clock.ts";
import { errnoOf } from "../../runtime/files/file_driver.ts";
import type { SocketConnection, SocketDriver } from "../../runtime/socket_driver.ts";
import { textLines } from "../../runtime/text_lines.ts";
import { storeFailure } from "../../store/store_failure.ts";
import {
  type ControlAnswer,
  controlLine,
  type ControlRequest,
  MAX_LINE_LENGTH,
  parseAnswer,
} from "./protocol.ts";

/** Errors by which a socket says that nobody stands behind it. */
const DEAD = ["ECONNREFUSED", "ENOENT"];

/** Errors by which a socket says that whoever stood behind it has just gone. */
const GOING = ["ECONNRESET", "EPIPE"];

/** Errors by which the system, not a daemon, refuses the connection. */
const DENIED = ["EACCES", "EPERM", "ENOTCAPABLE"];

const CONNECT_WITHIN_MS = 2000;

/**
 * Asks whoever holds the control socket one thing.
 *
 * @param answerWithinMs How long the answer may take.
 * @throws {ControlError} `control.nobody`: nobody listens; `control.hung-up`: whoever did has ended
 * meanwhile; `control.no-answer`: somebody listens, but gives no answer, or none that can be understood.
 * @throws {StoreError} `store.denied`: this user may not ask.
 */
export async function askControl(
  { sockets, clock }: { readonly sockets: SocketDriver; readonly clock: Clock },
  path: string,
  request: ControlRequest,
  answerWithinMs: number,
): Promise<ControlAnswer> {
  const connection = await connectControl(sockets, path);
  try {
    const answering = exchange(connection, request);
    const line = await within(clock, answerWithinMs, () => noAnswer(path), answering);
    if (line === undefined) {
      throw hungUp(path);
    }
    const answer = parseAnswer(line);
    if (answer === undefined) throw noAnswer(path);
    return answer;
  } finally {
    connection.close();
  }
}

/**
 * Connects to whoever holds the control socket; the caller closes the connection.
 *
 * @throws {ControlError} `control.nobody`, `control.hung-up`, `control.no-answer`.
 * @throws {StoreError} `store.denied`.
 */
export async function connectControl(
  sockets: SocketDriver,
  path: string,
): Promise<SocketConnection> {
  try {
    return await sockets.connectUnix(path, { timeoutMs: CONNECT_WITHIN_MS });
  } catch (error) {
    const errno = errnoOf(error) ?? "";
    if (DENIED.includes(errno)) throw storeFailure("ask the control socket", path, error);
    if (GOING.includes(errno)) throw hungUp(path, error);
    // A socket file that nobody listens on refuses; anything else may be a living daemon.
    if (!DEAD.includes(errno)) throw noAnswer(path, error);
    throw new ControlError("control.nobody", `Cannot ask the daemon: none listens at ${path}`, {
      cause: error,
      hint: "Start it with: mender-deno daemon",
    });
  }
}

async function exchange(
  connection: SocketConnection,
  request: ControlRequest,
): Promise<string | undefined> {
  try {
    await connection.write(controlLine(request));
    for await (const line of textLines(connection.readable, MAX_LINE_LENGTH)) {
      return line;
    }
  } catch {
    // It went away in the middle, whichever way that shows.
  }
  return undefined;
}

/** The error of somebody who has ended meanwhile. */
export function hungUp(path: string, cause?: unknown): ControlError {
  return new ControlError("control.hung-up", `Cannot ask the daemon: it hung up at ${path}`, {
    cause,
  });
}

/** The error of somebody who listens, but cannot be understood. */
export function noAnswer(path: string, cause?: unknown): ControlError {
  return new ControlError("control.no-answer", `Cannot ask the daemon: no answer at ${path}`, {
    cause,
  });
}
