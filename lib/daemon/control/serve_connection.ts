import { isMenderError, messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { SocketConnection } from "../../runtime/socket_driver.ts";
import { textLines } from "../../runtime/text_lines.ts";
import {
  CONTROL_VERSION,
  type ControlAnswer,
  type ControlRequest,
  MAX_LINE_LENGTH,
  parseRequest,
} from "./protocol.ts";

/** Answers one request; what it throws is told to the client. */
export type ControlHandler = (request: ControlRequest) => Promise<ControlAnswer> | ControlAnswer;

/**
 * Answers the requests of one client, in their order, until it goes. Nothing that it sends, or does not
 * read, harms anybody else.
 */
export async function serveConnection(
  connection: SocketConnection,
  handler: ControlHandler,
  logger: Logger,
): Promise<void> {
  try {
    for await (const line of textLines(connection.readable, MAX_LINE_LENGTH)) {
      const answer = await answerTo(line, handler, logger);
      await connection.write(new TextEncoder().encode(JSON.stringify(answer) + "\n"));
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
): Promise<ControlAnswer> {
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
