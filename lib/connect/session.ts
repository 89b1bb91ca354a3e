import { messageOf } from "../core/errors.ts";
import type { Clock } from "../runtime/clock.ts";
import {
  acceptFrame,
  CONTROL_VERSION,
  type ControlError,
  controlErrorFrame,
  type Frame,
  plainControlFrame,
  PROTOCOLS,
  readControlError,
  readOpen,
} from "./protocol/internal.ts";
import type { HandlerFactory, ProtocolHandler, SessionContext } from "./protocol_handler.ts";
import { SilenceWatch } from "./silence_watch.ts";

/** Silence of the peer after which it is asked whether it is there, and how long it may take to say so. */
const IDLE_MS = 48_000;
const PONG_LIMIT_MS = 12_000;

/** What a session stands on. */
export interface SessionParts extends SessionContext {
  /** Time. */
  readonly clock: Clock;
  /** Protocols that are switched on, those of the shell among them. */
  readonly protocols: readonly number[];
  /** Makers of the handlers, by protocol. */
  readonly factories: ReadonlyMap<number, HandlerFactory>;
  /** Told when the session is over, by itself or by a message. */
  onEnd(): void;
}

/**
 * A session of a user with all protocols but the shell's. It begins with any first message, is asked for
 * a sign of life when it is silent, and ends by `close`, by an error, or by silence.
 *
 * @see contracts/connect-protocol.md section 4 and section 5
 */
export class Session {
  readonly #parts: SessionParts;
  readonly #handlers = new Map<number, ProtocolHandler>();
  readonly #silence: SilenceWatch;
  #cancelPong = (): void => {};
  #isOver = false;

  /** Starts a session. */
  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#silence = new SilenceWatch(parts.clock, IDLE_MS, () => this.#askForSign());
  }

  /** Takes a message; never throws. */
  handle(frame: Frame): void {
    this.#cancelPong();
    this.#silence.heard();
    try {
      if (frame.protocol === PROTOCOLS.control) return this.#control(frame);
      const handler = this.#handlerOf(frame.protocol);
      if (handler !== undefined) return handler.handle(frame);
      const hex = frame.protocol.toString(16).padStart(4, "0");
      this.#refuse(frame, `no handler registered for protocol: 0x${hex}`);
    } catch (error) {
      this.#refuse(frame, messageOf(error), true);
    }
  }

  /** Ends the session without a message. */
  close(): void {
    this.#isOver = true;
    this.#cancelPong();
    this.#silence.stop();
    for (const handler of this.#handlers.values()) handler.close();
    this.#handlers.clear();
  }

  #control(frame: Frame): void {
    const { outbox, sessionId, protocols } = this.#parts;
    switch (frame.type) {
      case "open":
        if (readOpen(frame).includes(CONTROL_VERSION)) {
          return outbox.send(acceptFrame(sessionId, protocols));
        }
        return this.#refuse(
          frame,
          `handshake rejected: require version ${CONTROL_VERSION}`,
          true,
        );
      case "ping":
        return outbox.send(plainControlFrame("pong", sessionId));
      case "pong":
        return; // that it came is what it says
      case "close":
        return this.#end();
      case "error": {
        const { text, isClosing } = readControlError(frame);
        this.#parts.logger.log("warning", `The peer of a session tells an error: ${text}`, {
          session: sessionId,
        });
        return isClosing ? this.#end() : undefined;
      }
      default:
        this.#refuse(frame, `session: control type message not understood: '${frame.type}'`);
    }
  }

  #handlerOf(protocol: number): ProtocolHandler | undefined {
    const known = this.#handlers.get(protocol);
    const factory = this.#parts.factories.get(protocol);
    if (known !== undefined || factory === undefined) return known;
    const handler = factory(this.#parts);
    this.#handlers.set(protocol, handler);
    return handler;
  }

  #askForSign(): void {
    const { clock, outbox, sessionId } = this.#parts;
    outbox.send(plainControlFrame("ping", sessionId));
    this.#cancelPong = clock.after(PONG_LIMIT_MS, () => {
      this.#tell({ text: "session timeout", isClosing: true });
      this.#end();
    });
  }

  #refuse(frame: Frame, text: string, isClosing = false): void {
    this.#tell({ text, isClosing, protocol: frame.protocol, type: frame.type });
    if (isClosing) this.#end();
  }

  #tell(error: ControlError): void {
    const { outbox, sessionId, logger } = this.#parts;
    logger.log("warning", `Error of a session: ${error.text}`, { session: sessionId });
    outbox.send(controlErrorFrame(sessionId, error));
  }

  #end(): void {
    if (this.#isOver) return;
    this.close();
    this.#parts.onEnd();
  }
}
