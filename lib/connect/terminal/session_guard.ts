import type { Logger } from "../../core/logger.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ChildProcess, ProcessDriver } from "../../runtime/processes/process_driver.ts";
import { serviceScript } from "../../runtime/processes/service_script.ts";

/** How long ending a session may take: end_session.sh gives four seconds to its processes. */
const END_LIMIT_MS = 15_000;

/** What a guard stands on. */
export interface SessionGuardParts {
  /** Process ID of the shell, which is the ID of its session as well. */
  readonly pid: number;
  /** ID under which the log names it. */
  readonly id: string;
  /** Starts the guard. */
  readonly processes: ProcessDriver;
  /** Time. */
  readonly clock: Clock;
  /** Where what happens is told. */
  readonly logger: Logger;
}

/**
 * A process that ends everything in the session of a shell: when it is told to, and also when this program
 * is killed. The terminal hangs up on the shell and what runs in the foreground alone; this reaches jobs in
 * the background.
 */
export class SessionGuard {
  readonly #parts: SessionGuardParts;
  readonly #guard: ChildProcess | undefined;

  /** Starts it. Where that is not possible this is told, and {@link end} does without. */
  constructor(parts: SessionGuardParts) {
    const { pid, id, processes, logger } = parts;
    this.#parts = parts;
    const command = serviceScript("end_session.sh");
    try {
      this.#guard = processes.start({ command, args: [`${pid}`], isAttached: true });
    } catch (error) {
      const message = "Jobs of a shell would outlive the end of this program";
      logger.log("warning", message, { session: id, hint: `Let it run ${command}` }, error);
      return;
    }
    this.#guard.ended.catch(() => {}); // told by its end, when it is due
    void this.#listen(this.#guard);
  }

  /** Settles once no process of the session is left. Never rejects. */
  async end(): Promise<void> {
    const { pid, id: session, logger } = this.#parts;
    try {
      if (await this.#told() === 0 || await this.#ended() === 0) return;
      logger.log("warning", "Processes of a shell cannot be ended", { session, pid });
    } catch (error) {
      logger.log("warning", "Cannot end the processes of a shell", { session, pid }, error);
    }
  }

  /** Lets the guard do it; `undefined` when there is none, or it was killed. */
  async #told(): Promise<number | undefined> {
    const guard = this.#guard;
    if (guard === undefined) return undefined;
    guard.closeInput();
    const cancel = this.#parts.clock.after(END_LIMIT_MS, () => guard.kill("SIGKILL"));
    try {
      return (await guard.ended).code;
    } catch {
      return undefined; // it could not be started
    } finally {
      cancel();
    }
  }

  /** Does the same without a guard. */
  async #ended(): Promise<number | undefined> {
    const { pid, processes } = this.#parts;
    const { code } = await processes.run({
      command: serviceScript("end_session.sh"),
      args: [`${pid}`],
      timeoutMs: END_LIMIT_MS,
      maxOutputBytes: 1000,
    });
    return code;
  }

  async #listen(guard: ChildProcess): Promise<void> {
    const { id: session, logger } = this.#parts;
    try {
      for await (const { text } of guard.lines) logger.log("debug", text, { session });
    } catch (error) {
      logger.log("debug", "Cannot read what the guard of a shell says", { session }, error);
    }
  }
}
