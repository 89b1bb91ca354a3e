import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Outbox } from "./outbox.ts";
import {
  BadFrameError,
  controlErrorFrame,
  type Frame,
  FrameReader,
  PROTOCOLS,
} from "./protocol/internal.ts";
import type { HandlerFactory } from "./protocol_handler.ts";
import { Session } from "./session.ts";
import type { ShellSessions } from "./terminal/shell_sessions.ts";

/** Sessions at a time besides shells; each may hold a file and connections. */
export const MAX_SESSIONS = 64;

/** What the router stands on. */
export interface SessionRouterParts {
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Time. */
  readonly clock: Clock;
  /** Where what happens is told. */
  readonly logger: Logger;
  /** Shells, when they are switched on. */
  readonly shells: ShellSessions | undefined;
  /** Makers of the handlers of all other protocols that are switched on. */
  readonly factories: ReadonlyMap<number, HandlerFactory>;
}

/** Gives each message of the server to the session that it is for. */
export class SessionRouter {
  readonly #parts: SessionRouterParts;
  readonly #reader = new FrameReader();
  readonly #sessions = new Map<string, Session>();
  readonly #protocols: readonly number[];

  /** Starts without a session. */
  constructor(parts: SessionRouterParts) {
    this.#parts = parts;
    this.#protocols = [
      ...parts.shells === undefined ? [] : [PROTOCOLS.shell],
      ...parts.factories.keys(),
    ];
  }

  /** Sessions besides shells. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Takes a message of the server; what cannot be understood is answered. Never throws. */
  deliver(message: Uint8Array): void {
    const { shells } = this.#parts;
    let frame: Frame;
    try {
      frame = this.#reader.read(message);
    } catch (error) {
      return this.#refuse(
        error instanceof BadFrameError ? error.head : undefined,
        messageOf(error),
      );
    }
    if (frame.protocol === PROTOCOLS.shell && shells !== undefined) return shells.handle(frame);
    const known = this.#sessions.get(frame.sessionId);
    if (known !== undefined) return known.handle(frame);
    if (this.#sessions.size >= MAX_SESSIONS) return this.#refuse(frame, "too many sessions", true);
    this.#open(frame.sessionId).handle(frame);
  }

  /** Settles when the next message may be delivered; `undefined` when that is now. */
  ready(): Promise<void> | undefined {
    return this.#parts.shells?.ready();
  }

  /** Ends all sessions, shells included; settles when nothing of them is left. */
  async closeAll(): Promise<void> {
    for (const session of this.#sessions.values()) session.close();
    this.#sessions.clear();
    await this.#parts.shells?.stopAll();
  }

  #open(sessionId: string): Session {
    const { outbox, clock, logger, factories } = this.#parts;
    const session: Session = new Session({
      sessionId,
      outbox,
      clock,
      logger,
      factories,
      protocols: this.#protocols,
      onEnd: () => void this.#sessions.delete(sessionId),
    });
    this.#sessions.set(sessionId, session);
    return session;
  }

  #refuse(
    head: Pick<Frame, "protocol" | "type" | "sessionId"> | undefined,
    text: string,
    isClosing = false,
  ): void {
    const { outbox, logger } = this.#parts;
    logger.log("warning", `Refused a message: ${text}`, { session: head?.sessionId });
    outbox.send(
      controlErrorFrame(head?.sessionId ?? "", {
        text,
        isClosing,
        protocol: head?.protocol,
        type: head?.type,
      }),
    );
  }
}
