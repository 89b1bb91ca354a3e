import { messageOf, SessionError } from "../../core/errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { NetworkDriver } from "../../runtime/network_driver.ts";
import {
  forwardErrorFrame,
  type Frame,
  readForwardTarget,
  textProperty,
} from "../protocol/internal.ts";
import type { HandlerFactory, ProtocolHandler, SessionContext } from "../protocol_handler.ts";
import { ForwardedConnection } from "./forwarded_connection.ts";

/** Connections of one session at a time. */
export const MAX_CONNECTIONS = 128;

/** What port forwarding stands on. */
export interface PortForwardParts {
  /** Connections of the machine. */
  readonly network: NetworkDriver;
  /** Time. */
  readonly clock: Clock;
}

/** Makes the handlers of port forwarding. */
export function portForwardHandlers(parts: PortForwardParts): HandlerFactory {
  return (context) => new PortForwardHandler(parts, context);
}

/** Port forwarding in one session: connections by the IDs that the peer chose. */
class PortForwardHandler implements ProtocolHandler {
  readonly #parts: PortForwardParts;
  readonly #context: SessionContext;
  readonly #connections = new Map<string, ForwardedConnection>();

  constructor(parts: PortForwardParts, context: SessionContext) {
    this.#parts = parts;
    this.#context = context;
  }

  handle(frame: Frame): void {
    try {
      this.#handle(frame);
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      const text = messageOf(error).replace(/^malformed message/, "invalid port-forward message");
      this.#context.logger.log("warning", `Error of port forwarding: ${text}`, {
        session: this.#context.sessionId,
      });
      this.#context.outbox.send(forwardErrorFrame(frame, text));
    }
  }

  close(): void {
    for (const connection of [...this.#connections.values()]) connection.destroy();
  }

  #handle(frame: Frame): void {
    const connectionId = textProperty(frame, "connection_id") ?? "";
    if (frame.type === "new") return this.#open(frame, connectionId);
    const connection = this.#connections.get(connectionId);
    switch (frame.type) {
      case "forward":
        return known(connection).forward(frame);
      case "ack":
        return known(connection).acknowledge();
      case "stop":
        return known(connection).stop();
      default:
        throw new SessionError("session.unknown-type", "unknown message type");
    }
  }

  #open(frame: Frame, connectionId: string): void {
    if (connectionId === "") {
      throw new SessionError(
        "session.bad-message",
        "invalid port-forward message: missing connection_id, remote_port or protocol",
      );
    }
    if (this.#connections.has(connectionId)) {
      throw new SessionError("session.busy", "the connection exists already");
    }
    if (this.#connections.size >= MAX_CONNECTIONS) {
      throw new SessionError("session.too-many", "too many connections");
    }
    const target = readForwardTarget(frame);
    const { logger, outbox, sessionId } = this.#context;
    const { protocol, host, port } = target;
    logger.log("info", `Forwarding to ${protocol} ${host} port ${port}`, { session: sessionId });
    this.#connections.set(
      connectionId,
      new ForwardedConnection({
        ...this.#parts,
        request: frame,
        connectionId,
        target,
        outbox,
        onEnd: () => void this.#connections.delete(connectionId),
      }),
    );
  }
}

function known(connection: ForwardedConnection | undefined): ForwardedConnection {
  if (connection !== undefined) return connection;
  throw new SessionError("session.unknown-connection", "unknown connection");
}
