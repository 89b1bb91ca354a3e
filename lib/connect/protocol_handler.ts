import type { Logger } from "../core/logger.ts";
import type { Outbox } from "./outbox.ts";
import type { Frame } from "./protocol/internal.ts";

/** What a protocol works with inside one session. */
export interface SessionContext {
  /** ID of the session. */
  readonly sessionId: string;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Where what happens is told. */
  readonly logger: Logger;
}

/** One protocol in one session. */
export interface ProtocolHandler {
  /** Takes a message. What goes wrong is answered in the protocol; what is thrown ends the session. */
  handle(frame: Frame): void;
  /** The session is over: everything that was opened is given up, without a message. */
  close(): void;
}

/** Makes the handler of a protocol, at its first message in a session. */
export type HandlerFactory = (context: SessionContext) => ProtocolHandler;
