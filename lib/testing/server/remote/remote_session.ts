import {
  encodeFrame,
  type Frame,
  type FrameInit,
  type WireValue,
} from "../../../connect/protocol/internal.ts";
import { AsyncQueue } from "../../../core/async_queue.ts";
import { type Clock, within } from "../../../runtime/clock.ts";
import { ServerRefusal } from "../refusal.ts";

/** What a session stands on. */
export interface SessionParts {
  /** ID, a UUID. */
  readonly id: string;
  /** Whom it speaks for. */
  readonly userId: string;
  /** Time; each message that is waited for has a limit. */
  readonly clock: Clock;
  /** Hands a message to the device; nothing happens when it is gone. */
  send(message: Uint8Array): void;
  /** Settles when the device has taken most of what it was sent. */
  drained(): Promise<void>;
  /** Told what the device did against the contract. */
  onViolation(text: string): void;
  /** Forgets the session. */
  forget(): void;
}

/** A session of a user with a device, at the server. */
export class RemoteSession {
  /** ID, a UUID. */
  readonly id: string;
  /** Messages of the device; ends when the session is closed, or the device is gone. */
  readonly frames: AsyncQueue<Frame> = new AsyncQueue<Frame>();
  readonly #parts: SessionParts;

  /** Opens a session; the device hears of it with the first message. */
  constructor(parts: SessionParts) {
    this.id = parts.id;
    this.#parts = parts;
  }

  /**
   * Sends a message under this session's ID and, as the server does, with the user's ID.
   *
   * @returns Size of the message.
   */
  send(frame: FrameInit): number {
    const properties = frame.properties instanceof Map
      ? new Map<string, WireValue>(frame.properties)
      : new Map<string, WireValue>(Object.entries(frame.properties ?? {}));
    properties.set("user_id", this.#parts.userId);
    const message = encodeFrame({ ...frame, sessionId: this.id, properties });
    this.#parts.send(message);
    return message.length;
  }

  /** Settles when the device has taken most of what it was sent. */
  drained(): Promise<void> {
    return this.#parts.drained();
  }

  /**
   * The next message of the device.
   *
   * @throws {ServerRefusal} `server.timeout` after `limitMs`; `server.conflict` when the device is gone.
   */
  async next(limitMs = 60_000): Promise<Frame> {
    const late = (): Error => new ServerRefusal("server.timeout", "timeout waiting for the device");
    const frame = await within(this.#parts.clock, limitMs, late, this.frames.next());
    if (frame === undefined) throw new ServerRefusal("server.conflict", "device disconnected");
    return frame;
  }

  /** Notes what the device did against the contract. */
  violation(text: string): void {
    this.#parts.onViolation(text);
  }

  /** Ends the session at the server; the device is told nothing. */
  close(): void {
    this.#parts.forget();
    this.frames.end();
  }
}
