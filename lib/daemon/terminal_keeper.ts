import { backoffSchedule } from "../core/backoff_schedule.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { type Clock, sleep } from "../runtime/clock.ts";
import type { RandomDriver } from "../runtime/drivers.ts";
import { errnoOf } from "../runtime/files/file_driver.ts";
import type { ChildProcess } from "../runtime/processes/process_driver.ts";
import { onAbort } from "../runtime/on_abort.ts";

/** Longest wait before a terminal that has ended is started again. */
const LONGEST_WAIT_MS = 60_000;

/** A terminal that lasts so long has been a success: the next wait is a short one again. */
const SUCCESS_MS = 60_000;

/** How often it is looked whether somebody else still offers remote access. */
const LOOK_EVERY_MS = 10_000;

/** How long a terminal that is to end may take: it ends its shells first. */
const END_LIMIT_MS = 12_000;

/** What keeping a terminal stands on. */
export interface TerminalKeeperOptions {
  /** Starts it; throws the runtime's error when that is not possible. */
  start(): ChildProcess;
  /** Who else offers remote access now, in a few words; `undefined`: nobody. */
  rival(): Promise<string | undefined>;
  /** Whether remote access is still switched on. */
  isWanted(): boolean;
  /** Where what it says goes, line by line. */
  tell(line: string): void;
  /** Told once, when this process may not start it. */
  onForbidden(): void;
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: RandomDriver;
  /** Where what happens is told. */
  readonly logger: Logger;
}

/**
 * Keeps a `terminal` running as a child of the daemon: starts it again when it ends, after waits that
 * double up to a minute, and leaves the field to whoever offers remote access already. Ends when `signal`
 * is aborted, and the child with it; earlier when it may not be started, or is not wanted any more. Never
 * rejects.
 */
export async function keepTerminal(
  options: TerminalKeeperOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, logger } = options;
  const restart = () => backoffSchedule(LONGEST_WAIT_MS, () => random.next());
  let waits = restart();
  let lastRival: string | undefined;
  while (!signal.aborted && options.isWanted()) {
    const rival = await options.rival();
    if (rival !== undefined && rival !== lastRival) {
      logger.log("info", `Remote access is left to ${rival}`);
    }
    lastRival = rival;
    let waitMs = LOOK_EVERY_MS;
    if (rival === undefined && !signal.aborted) {
      const startedAt = clock.monotonic();
      try {
        await runOnce(options, signal);
      } catch (error) {
        if (errnoOf(error) === "ENOTCAPABLE") return options.onForbidden();
        logger.log("warning", `Cannot start the terminal: ${messageOf(error)}`, {}, error);
      }
      if (clock.monotonic() - startedAt >= SUCCESS_MS) waits = restart();
      waitMs = waits.next().value;
    }
    await sleep(clock, waitMs, signal).catch(() => {}); // aborted: the loop ends
  }
}

async function runOnce(options: TerminalKeeperOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger } = options;
  const child = options.start();
  logger.log("info", "The terminal has been started", { pid: child.pid });
  let cancelKill = (): void => {};
  const stop = (): void => {
    child.closeInput();
    child.kill("SIGTERM");
    cancelKill = clock.after(END_LIMIT_MS, () => child.kill("SIGKILL"));
  };
  const forget = onAbort(signal, stop);
  try {
    const said = tellLines(options, child);
    const { code, signal: by } = await child.ended;
    await said;
    if (signal.aborted) return;
    logger.log("warning", "The terminal has ended; it is started again", {
      ...(code !== undefined && { code }),
      ...(by !== undefined && { signal: by }),
    });
  } finally {
    cancelKill();
    child.closeInput();
    forget();
  }
}

async function tellLines({ tell, logger }: TerminalKeeperOptions, child: ChildProcess) {
  try {
    for await (const { text } of child.lines) tell(text);
  } catch (error) {
    logger.log("warning", "Cannot read what the terminal says", {}, error);
  }
}
