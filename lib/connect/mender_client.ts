import { messageOf } from "../core/errors.ts";
import { type Frame, menderClientAnswer } from "./protocol/internal.ts";
import type { HandlerFactory, SessionContext } from "./protocol_handler.ts";

/** Reaches the daemon that updates this device. */
export interface DaemonWaker {
  /** Has it ask for a deployment now; settles when it was told, rejects when it cannot be reached. */
  checkUpdate(): Promise<void>;
  /** Has it send the inventory now; settles when it was told, rejects when it cannot be reached. */
  sendInventory(): Promise<void>;
}

/** The mender-client protocol: the server wakes the daemon. */
export function menderClientHandler(waker: DaemonWaker): HandlerFactory {
  return (context) => ({
    handle: (frame) => void answer(waker, context, frame),
    close() {},
  });
}

async function answer(waker: DaemonWaker, context: SessionContext, frame: Frame): Promise<void> {
  const { outbox, logger, sessionId } = context;
  try {
    if (frame.type === "check-update") await waker.checkUpdate();
    else if (frame.type === "send-inventory") await waker.sendInventory();
    else throw new Error("unknown message type");
    logger.log("info", `The server asked for ${frame.type}; the daemon was told`);
    outbox.send(menderClientAnswer(frame.type, sessionId));
  } catch (error) {
    logger.log("warning", `Cannot do what the server asked for: ${frame.type}`, {}, error);
    outbox.send(menderClientAnswer(frame.type, sessionId, messageOf(error)));
  }
}
