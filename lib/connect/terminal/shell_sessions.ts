import type { ConnectConfig } from "../../config/mod.ts";
import { messageOf, SessionError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { endsWithin } from "../../runtime/clock.ts";
import type { Drivers } from "../../runtime/drivers.ts";
import type { PtyDriver } from "../../runtime/pty/pty_driver.ts";
import type { Outbox } from "../outbox.ts";
import {
  type Frame,
  readTerminalSize,
  SHELL_STATUS,
  shellFrame,
  textProperty,
} from "../protocol/internal.ts";
import { shellCommand } from "./shell_command.ts";
import { ShellSession } from "./shell_session.ts";

/** Shells on one device (mender-connect: 16). */
export const MAX_SHELLS = 16;

/** Input that may wait for a shell before the connection is left unread, and for how long it is. */
const MAX_INPUT_BYTES = 1 << 20;
const JAM_LIMIT_MS = 10_000;

/** What the sessions stand on. */
export interface ShellSessionsParts {
  /** Shell, user, size, limits. */
  readonly config: ConnectConfig;
  /** The machine. */
  readonly drivers: Pick<Drivers, "files" | "processes" | "clock" | "self" | "pty">;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Where what happens is told. */
  readonly logger: Logger;
}

/** All shells of a device: messages of the shell protocol come in here. */
export class ShellSessions {
  readonly #parts: ShellSessionsParts;
  readonly #sessions = new Map<string, ShellSession>();
  readonly #ending = new Set<Promise<void>>();
  readonly #jammed = new Set<string>();
  #driver: Promise<PtyDriver> | undefined;

  /** Starts without a shell. */
  constructor(parts: ShellSessionsParts) {
    this.#parts = parts;
  }

  /** Shells that run or are being started. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Takes a message; what goes wrong is answered. Never throws. */
  handle(frame: Frame): void {
    const session = this.#sessions.get(frame.sessionId);
    switch (frame.type) {
      case "new":
        return this.#open(frame);
      case "stop":
        return this.#stop(frame);
      case "shell":
        if (session === undefined) return this.#refuse(frame, "session not found");
        return this.#input(session, frame);
      case "resize": {
        const size = readTerminalSize(frame);
        if (session === undefined) this.#note(frame, "no such session");
        else if (size === undefined) this.#note(frame, "no usable size");
        else session.resize(size);
        return;
      }
      case "pong":
        if (session === undefined) this.#note(frame, "no such session");
        else session.pong();
        return;
      default:
        this.#refuse(frame, `unknown message protocol and type: ${frame.protocol}/${frame.type}`);
    }
  }

  /**
   * Settles once every shell has room for input, or those without have been left alone for ten seconds;
   * until it takes something again, their input is refused. `undefined` when there is room now.
   */
  ready(): Promise<void> | undefined {
    for (const session of this.#sessions.values()) {
      if (session.queuedBytes > MAX_INPUT_BYTES) return this.#untilReady();
    }
    return undefined; // the usual case costs nothing
  }

  async #untilReady(): Promise<void> {
    for (const session of this.#sessions.values()) {
      if (session.queuedBytes <= MAX_INPUT_BYTES || this.#jammed.has(session.id)) continue;
      const { logger, drivers: { clock } } = this.#parts;
      if (await endsWithin(clock, JAM_LIMIT_MS, session.drained(MAX_INPUT_BYTES / 2))) continue;
      this.#jammed.add(session.id);
      logger.log("warning", "A shell takes no input", { session: session.id });
    }
  }

  /** Hangs up on all shells, and settles once all their processes have ended. */
  async stopAll(): Promise<void> {
    for (const id of [...this.#sessions.keys()]) this.#end(id);
    await Promise.all(this.#ending);
  }

  #open(frame: Frame): void {
    const { config, drivers, logger } = this.#parts;
    const { sessionId: id } = frame;
    const userId = textProperty(frame, "user_id") ?? "";
    const ofUser = [...this.#sessions.values()].filter((session) => session.userId === userId);
    if (this.#sessions.has(id)) {
      return this.#refuse(frame, "failed to start shell: shell is already running");
    }
    if (this.#sessions.size + this.#ending.size >= MAX_SHELLS) {
      return this.#refuse(frame, "too many shells spawned");
    }
    if (ofUser.length >= config.sessions.maxPerUser) {
      return this.#refuse(frame, "user has too many open sessions");
    }
    const { stopExpired, expireAfterMs, expireAfterIdleMs } = config.sessions;
    const session = new ShellSession({
      ...drivers,
      id,
      userId,
      outbox: this.#parts.outbox,
      logger,
      limits: stopExpired
        ? { lifeMs: expireAfterMs, idleMs: expireAfterIdleMs }
        : { lifeMs: 0, idleMs: 0 },
      onEnd: () => this.#end(id),
    });
    this.#sessions.set(id, session);
    this.#start(session, frame).catch((error) => {
      this.#sessions.delete(id);
      const hint = error instanceof SessionError ? error.hint : undefined;
      logger.log("warning", `failed to start shell`, { session: id, ...(hint && { hint }) }, error);
      this.#refuse(frame, `failed to start shell: ${messageOf(error)}`, "quiet");
    });
  }

  async #start(session: ShellSession, frame: Frame): Promise<void> {
    const { config, drivers } = this.#parts;
    const shell = shellCommand(drivers.files, drivers.self.uid, config);
    const { columns, rows } = config.terminal;
    const size = readTerminalSize(frame) ?? { columns, rows };
    this.#driver ??= drivers.pty();
    await session.start(await this.#driver, shell, size);
  }

  #input(session: ShellSession, frame: Frame): void {
    if (this.#jammed.has(session.id)) {
      if (session.queuedBytes > MAX_INPUT_BYTES) {
        return this.#refuse(frame, "the shell takes no input: it was dropped");
      }
      this.#jammed.delete(session.id);
    }
    session.input(frame.body);
  }

  #stop(frame: Frame): void {
    const { sessionId } = frame;
    const answer = (): void =>
      this.#parts.outbox.send(shellFrame("stop", sessionId, "the shell is stopped"));
    if (sessionId === "") {
      const userId = textProperty(frame, "user_id") ?? "";
      const ofUser = [...this.#sessions.values()].filter((session) => session.userId === userId);
      return void Promise.all(ofUser.map(({ id }) => this.#end(id))).then(answer);
    }
    if (!this.#sessions.has(sessionId)) {
      const text = `routeMessage: StopShellMessage: session not found for id ${sessionId}`;
      return this.#refuse(frame, text);
    }
    void this.#end(sessionId).then(answer);
  }

  /** Frees the place of a session at once; settles when nothing of it is left. Never rejects. */
  #end(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    if (session === undefined) return Promise.resolve();
    this.#sessions.delete(id);
    this.#jammed.delete(id);
    const ending: Promise<void> = session.stop().catch((error) => {
      this.#parts.logger.log("error", "Cannot stop a shell", { session: id }, error);
    }).then(() => void this.#ending.delete(ending));
    this.#ending.add(ending);
    return ending;
  }

  #refuse(frame: Frame, text: string, volume: "told" | "quiet" = "told"): void {
    if (volume === "told") this.#note(frame, text);
    this.#parts.outbox.send(
      shellFrame(frame.type || "stop", frame.sessionId, text, SHELL_STATUS.error),
    );
  }

  #note(frame: Frame, text: string): void {
    const { type, sessionId } = frame;
    this.#parts.logger.log("warning", `Refused a shell message: ${text}`, {
      type,
      session: sessionId,
    });
  }
}
