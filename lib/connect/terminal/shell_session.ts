import type { Logger } from "../../core/logger.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ProcessDriver } from "../../runtime/processes/process_driver.ts";
import type { PtyDriver, PtyProcess } from "../../runtime/pty/pty_driver.ts";
import type { Outbox } from "../outbox.ts";
import {
  FrameHead,
  SHELL_STATUS,
  shellFrame,
  shellPingFrame,
  type TerminalSize,
} from "../protocol/internal.ts";
import { SilenceWatch } from "../silence_watch.ts";
import { SessionGuard } from "./session_guard.ts";
import type { ShellCommand } from "./shell_command.ts";

/** How often the user's client is asked whether it is there, and how long it may take to say so. */
const PING_EVERY_MS = 60_000;
const PONG_LIMIT_MS = 65_000;

/** Largest piece of output in one message. */
const MAX_PIECE_BYTES = 16 * 1024;

/** What a shell session stands on. */
export interface ShellSessionParts {
  /** ID of the session. */
  readonly id: string;
  /** Whose it is. */
  readonly userId: string;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Time. */
  readonly clock: Clock;
  /** Ends what the shell leaves behind. */
  readonly processes: ProcessDriver;
  /** Where what happens is told. */
  readonly logger: Logger;
  /** Longest life, and longest silence in both directions, in milliseconds; 0 = no limit. */
  readonly limits: { readonly lifeMs: number; readonly idleMs: number };
  /** Told once the shell has ended by itself, or has come to a limit: {@link ShellSession.stop} is due. */
  onEnd(): void;
}

/** One shell of a user, in a terminal of its own. */
export class ShellSession {
  /** ID of the session. */
  readonly id: string;
  /** Whose it is. */
  readonly userId: string;
  readonly #parts: ShellSessionParts;
  readonly #outputHead: FrameHead;
  readonly #timers = new Map<"life" | "ping" | "pong", () => void>();
  #pty: PtyProcess | undefined;
  #guard: SessionGuard | undefined;
  #early: Uint8Array[] = [];
  #held: Uint8Array[] = [];
  #isHolding = false;
  #silence: SilenceWatch | undefined;
  #stopping: Promise<void> | undefined;

  /** Makes a session whose shell is still to be started. */
  constructor(parts: ShellSessionParts) {
    this.id = parts.id;
    this.userId = parts.userId;
    this.#parts = parts;
    this.#outputHead = new FrameHead(shellFrame("shell", parts.id));
  }

  /** Bytes of input that the shell has not taken yet. */
  get queuedBytes(): number {
    return this.#pty?.queuedBytes ?? 0;
  }

  /**
   * Starts the shell and tells the user. Input that came meanwhile is given to it; when the session was
   * stopped meanwhile, so is the shell.
   *
   * @throws The runtime's error when there is no terminal to be had.
   */
  async start(driver: PtyDriver, shell: ShellCommand, size: TerminalSize): Promise<void> {
    const pty = await driver.start({
      ...shell,
      ...size,
      onOutput: (bytes) => this.#output(bytes),
    });
    this.#pty = pty;
    if (this.#stopping !== undefined) return await this.#endShell(pty);
    const { outbox, logger, id } = this.#parts;
    logger.log("info", "A shell has been started", {
      session: id,
      pid: pty.pid,
      terminal: driver.kind,
    });
    outbox.send(shellFrame("new", id, "Shell started"));
    this.#guard = this.#guardOf(pty);
    for (const bytes of this.#early.splice(0)) pty.write(bytes);
    this.#watch();
    void pty.ended.then(() => this.#ended());
  }

  /** Input of the user. */
  input(bytes: Uint8Array): void {
    this.#active();
    this.pong(); // who types is there
    if (this.#pty === undefined) this.#early.push(bytes);
    else this.#pty.write(bytes);
  }

  /** Settles when at most `limit` bytes of input wait. */
  async drained(limit: number): Promise<void> {
    await this.#pty?.drained(limit);
  }

  /** A new size of the user's window. */
  resize({ columns, rows }: TerminalSize): void {
    this.#pty?.resize(columns, rows);
  }

  /** The user's client is there. */
  pong(): void {
    this.#timers.get("pong")?.();
    this.#timers.delete("pong");
  }

  /** Hangs up, and settles once no process of the shell's session is left. May be called again. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    for (const cancel of this.#timers.values()) cancel();
    this.#silence?.stop();
    this.#silence = undefined; // what the shell still says does not wake it
    this.#held = [];
    if (this.#pty !== undefined) await this.#endShell(this.#pty);
  }

  async #endShell(pty: PtyProcess): Promise<void> {
    pty.hangUp();
    await (this.#guard ?? this.#guardOf(pty)).end();
    await pty.ended;
  }

  #guardOf({ pid }: PtyProcess): SessionGuard {
    return new SessionGuard({ ...this.#parts, pid });
  }

  #output(bytes: Uint8Array): void {
    this.#active();
    this.#held.push(bytes);
    if (!this.#isHolding) this.#flush();
  }

  /** Sends what is held; when there is no room, the terminal waits. */
  #flush(): void {
    const { outbox } = this.#parts;
    for (let first = this.#held.shift(); first !== undefined; first = this.#held.shift()) {
      if (outbox.isFull) {
        this.#held.unshift(first);
        return this.#hold();
      }
      for (let at = 0; at < first.length; at += MAX_PIECE_BYTES) {
        outbox.sendWith(this.#outputHead, first.subarray(at, at + MAX_PIECE_BYTES));
      }
    }
  }

  #hold(): void {
    this.#isHolding = true;
    this.#pty?.pause();
    void this.#parts.outbox.ready().then(() => {
      this.#isHolding = false;
      this.#flush();
      if (!this.#isHolding) this.#pty?.resume();
    });
  }

  async #ended(): Promise<void> {
    if (this.#stopping !== undefined) return;
    const { outbox, logger, id } = this.#parts;
    while (this.#held.length > 0 && this.#stopping === undefined) await outbox.ready();
    if (this.#stopping !== undefined) return;
    logger.log("info", "A shell has ended", { session: id });
    outbox.send(shellFrame("stop", id, "the shell has ended"));
    this.#parts.onEnd();
  }

  #watch(): void {
    const { clock, limits, outbox, id } = this.#parts;
    if (limits.lifeMs > 0) {
      this.#after(
        "life",
        limits.lifeMs,
        () => this.#expire(`it has lasted ${limits.lifeMs / 1000} s`),
      );
    }
    if (limits.idleMs > 0) {
      const expire = (): void => this.#expire(`it was idle for ${limits.idleMs / 1000} s`);
      this.#silence = new SilenceWatch(clock, limits.idleMs, expire);
      this.#silence.heard();
    }
    const ping = (): void => {
      outbox.send(shellPingFrame(id, PONG_LIMIT_MS / 1000));
      // What the last ping has started runs on.
      if (!this.#timers.has("pong")) {
        this.#after("pong", PONG_LIMIT_MS, () => this.#expire("its user is lost"));
      }
      this.#after("ping", PING_EVERY_MS, ping);
    };
    this.#after("ping", PING_EVERY_MS, ping);
  }

  #after(timer: "life" | "ping" | "pong", delayMs: number, callback: () => void): void {
    this.#timers.get(timer)?.();
    this.#timers.set(timer, this.#parts.clock.after(delayMs, callback));
  }

  #expire(why: string): void {
    if (this.#stopping !== undefined) return;
    const { outbox, logger, id, onEnd } = this.#parts;
    logger.log("info", `A shell is stopped: ${why}`, { session: id });
    outbox.send(shellFrame("stop", id, `the session has expired: ${why}`, SHELL_STATUS.error));
    onEnd();
  }

  #active(): void {
    this.#silence?.heard();
  }
}
