import { keepAlive } from "../../../connect/keep_alive.ts";
import { type LimitClock, limitClock } from "../../../runtime/call_limits.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { RandomDriver } from "../../../runtime/drivers.ts";
import type { WebSocketConnection } from "../../../runtime/websocket/websocket_driver.ts";
import { ServerRefusal } from "../refusal.ts";
import { type JudgedFrame, judgeFrame } from "./frame_rules.ts";
import { RemoteSession } from "./remote_session.ts";

/** Bytes that may wait for a device before senders are held back. */
const HIGH_WATER_BYTES = 1 << 20;

/** Messages that may wait for a session before the device is left waiting. */
const MAX_WAITING_FRAMES = 256;

/** Whether a device has a connection, and since when. */
export interface LinkState {
  /** As the server spells it. */
  readonly status: "connected" | "disconnected";
  /** First connection, milliseconds since 1970. */
  readonly createdAt: number;
  /** Last change. */
  readonly updatedAt: number;
}

interface Link extends Omit<LinkState, "status"> {
  readonly connection: WebSocketConnection | undefined;
}

/** What the links stand on. */
export interface DeviceLinksParts {
  /** Time. */
  readonly clock: Clock;
  /** Makes session IDs. */
  readonly random: RandomDriver;
  /** Told what a device did against the contract. */
  onViolation(deviceId: string, judged: JudgedFrame): void;
}

/** The WebSockets of all devices, and the sessions over them. */
export class DeviceLinks {
  readonly #parts: DeviceLinksParts;
  readonly #limits: LimitClock;
  readonly #links = new Map<string, Link>();
  readonly #sessions = new Map<string, { deviceId: string; session: RemoteSession }>();

  /** Starts without a link. */
  constructor(parts: DeviceLinksParts) {
    this.#parts = parts;
    this.#limits = limitClock(parts.clock);
  }

  /** State of a device, or `undefined` when it was never connected. */
  state(deviceId: string): LinkState | undefined {
    const link = this.#links.get(deviceId);
    return link && {
      createdAt: link.createdAt,
      updatedAt: link.updatedAt,
      status: this.connection(deviceId) === undefined ? "disconnected" : "connected",
    };
  }

  /** The open connection of a device, or `undefined`. */
  connection(deviceId: string): WebSocketConnection | undefined {
    const connection = this.#links.get(deviceId)?.connection;
    return connection?.isOpen === true ? connection : undefined;
  }

  /** Serves the connection of a device until it ends; an older one of the same device is closed. */
  async serve(deviceId: string, connection: WebSocketConnection): Promise<void> {
    this.connection(deviceId)?.close(1000, "replaced by another connection");
    this.#set(deviceId, connection);
    const stopWatch = keepAlive(connection, this.#parts.clock);
    try {
      await connection.each((message) => this.#deliver(deviceId, message));
    } finally {
      stopWatch();
      if (this.#links.get(deviceId)?.connection === connection) {
        this.#set(deviceId, undefined);
        for (const { deviceId: of, session } of [...this.#sessions.values()]) {
          if (of === deviceId) session.close();
        }
      }
    }
  }

  /**
   * Opens a session with a device.
   *
   * @throws {ServerRefusal} `server.not-found`: the device is not connected.
   */
  open(deviceId: string, userId: string): RemoteSession {
    if (this.connection(deviceId) === undefined) {
      throw new ServerRefusal("server.not-found", "device not connected");
    }
    const id = this.#parts.random.uuid();
    const session = new RemoteSession({
      id,
      userId,
      clock: this.#limits,
      send: (message) => this.connection(deviceId)?.send(message),
      drained: async () => await this.connection(deviceId)?.drained(HIGH_WATER_BYTES),
      onViolation: (text) =>
        this.#parts.onViolation(deviceId, { frame: undefined, violations: [text] }),
      forget: () => void this.#sessions.delete(id),
    });
    this.#sessions.set(id, { deviceId, session });
    return session;
  }

  /** Cuts all connections. */
  close(): void {
    for (const { connection } of this.#links.values()) connection?.cut();
    this.#limits.stop();
  }

  #set(deviceId: string, connection: WebSocketConnection | undefined): void {
    const now = this.#parts.clock.now();
    this.#links.set(deviceId, {
      connection,
      createdAt: this.#links.get(deviceId)?.createdAt ?? now,
      updatedAt: now,
    });
  }

  /** What belongs to no session of the device is dropped, as the real server does. */
  #deliver(deviceId: string, message: Uint8Array): Promise<void> | undefined {
    const judged = judgeFrame(message);
    if (judged.violations.length > 0) this.#parts.onViolation(deviceId, judged);
    const known = this.#sessions.get(judged.frame?.sessionId ?? "");
    if (judged.frame === undefined || known?.deviceId !== deviceId) return undefined;
    const { frames } = known.session;
    frames.push(judged.frame);
    return frames.size > MAX_WAITING_FRAMES ? frames.drained(MAX_WAITING_FRAMES) : undefined;
  }
}
