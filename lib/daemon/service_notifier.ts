import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Drivers } from "../runtime/drivers.ts";

/** A message takes some milliseconds; a manager that does not listen must not hold anything up. */
const LIMIT_MS = 800;

/** What of the machine a notifier stands on. */
export type NotifierDrivers = Pick<Drivers, "processes" | "self">;

/**
 * Tells the service manager how the daemon stands: ready, reloading, stopping, and a text that
 * `systemctl status` shows. Without `NOTIFY_SOCKET` in the environment nothing is done.
 *
 * Neither Deno nor Node has unix datagram sockets: each message is sent by `systemd-notify`, a process of
 * its own. So only what changes is told, one message after the other, and of several texts that wait the
 * last one.
 *
 * @see sd_notify(3)
 */
export class ServiceNotifier {
  readonly #drivers: NotifierDrivers;
  readonly #logger: Logger;
  readonly #isListenedTo: boolean;
  readonly #waiting: string[][] = [];
  #status = "";
  #sending: Promise<void> | undefined;
  #isFailureTold = false;

  /** Makes a notifier; nothing is told yet. */
  constructor(drivers: NotifierDrivers, logger: Logger) {
    this.#drivers = drivers;
    this.#logger = logger;
    this.#isListenedTo = (drivers.self.env("NOTIFY_SOCKET") ?? "") !== "";
  }

  /** The daemon runs, or has read its configuration again. */
  ready(): void {
    this.#add(["READY=1"]);
  }

  /** The daemon reads its configuration again; {@link ready} ends it. */
  reloading(): void {
    this.#add(["RELOADING=1"]);
  }

  /** How it stands, in a few words; the same words are told once. */
  tell(status: string): void {
    if (status === this.#status) return;
    this.#status = status;
    const last = this.#waiting.at(-1);
    if (last?.[0]?.startsWith("STATUS=")) last[0] = `STATUS=${status}`;
    else this.#add([`STATUS=${status}`]);
  }

  /** The daemon ends. Settles when that was told, or could not be; what waited is dropped. */
  async stopping(): Promise<void> {
    this.#waiting.length = 0;
    this.#add(["STOPPING=1", "STATUS=Stopping"]);
    await this.#sending;
  }

  #add(message: string[]): void {
    if (!this.#isListenedTo) return;
    this.#waiting.push(message);
    this.#sending ??= this.#send();
  }

  async #send(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#run(next);
    }
    this.#sending = undefined;
  }

  async #run(message: readonly string[]): Promise<void> {
    let why: string;
    try {
      const { code, stderr, isTimedOut } = await this.#drivers.processes.run({
        command: "systemd-notify",
        args: message,
        timeoutMs: LIMIT_MS,
        maxOutputBytes: 1024,
      });
      if (code === 0) return;
      why = isTimedOut ? "it took too long" : new TextDecoder().decode(stderr).trim();
    } catch (error) {
      why = messageOf(error);
    }
    const level = this.#isFailureTold ? "debug" : "warning";
    this.#isFailureTold = true;
    this.#logger.log(level, `Cannot tell the service manager how it stands: ${why}`);
  }
}
