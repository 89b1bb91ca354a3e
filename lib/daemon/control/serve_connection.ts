import { isMenderError, messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { SocketConnection } from "../../runtime/socket_driver.ts";
import { textLines } from "../../runtime/text_lines.ts";
import { feedEvents } from "./feed_events.ts";
import {
  CONTROL_VERSION,
  type ControlAnswer,
  type ControlFeed,
  controlLine,
  type ControlRequest,
  MAX_LINE_LENGTH,
  parseRequest,
} from "./protocol.ts";

/** What a request is answered with: once, or with a line for each event as well. */
export type ControlReply = ControlAnswer | ControlFeed;

/** Answers one request; what it throws is told to the client. */
export type ControlHandler = (request: ControlRequest) => Promise<ControlReply> | ControlReply;

/**
 * Answers the requests of one client, in their order, until it goes. Nothing that it sends, or does not
 * read, harms anybody else. One that follows the events has no further requests.
 */
export async function serveConnection(
  connection: SocketConnection,
  handler: ControlHandler,
  logger: Logger,
  clock: Clock,
): Promise<void> {
  try {
    const lines = textLines(connection.readable, MAX_LINE_LENGTH);
    for await (const line of lines) {
      const answer = await answerTo(line, handler, logger);
      if (!("ok" in answer)) return await feedEvents(connection, lines, answer, clock);
      await connection.write(controlLine(answer));
      if (!answer.ok && answer.code === "control.bad-request") return;
    }
  } catch (error) {
    logger.log("debug", "A connection to the control socket broke", {}, error);
  } finally {
    connection.close();
  }
}

async function answerTo(
  line: string,
  handler: ControlHandler,
  logger: Logger,
): Promise<ControlReply> {
  const request = parseRequest(line);
  if (request === undefined) {
    return {
      ok: false,
      code: "control.bad-request",
      message: `Cannot understand the request: wanted one of version ${CONTROL_VERSION}`,
    };
  }
  try {
    return await handler(request);
  } catch (error) {
    logger.log("debug", `The request "${request.do}" failed`, {}, error);
    const code = isMenderError(error) ? error.code : "control.failed";
    return { ok: false, code, message: messageOf(error) };
  }
}
