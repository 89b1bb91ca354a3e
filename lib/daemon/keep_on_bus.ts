import { backoffSchedule } from "../core/backoff_schedule.ts";
import { isMenderError, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { BusConnection } from "../dbus/mod.ts";
import { type Clock, sleep } from "../runtime/clock.ts";
import type { RandomDriver } from "../runtime/drivers.ts";
import { onAbort } from "../runtime/on_abort.ts";

/** Longest wait before a bus that is gone is looked for again. */
const LONGEST_WAIT_MS = 30_000;

/** A connection that lasts so long has been a success: the next wait is a short one again. */
const SUCCESS_MS = 30_000;

/** What of a connection is used here. */
export type KeptBus = Pick<BusConnection, "lost" | "close" | "uniqueName" | "watchName">;

/** Something that is offered to other programs over the bus. */
export interface BusService<Bus extends KeptBus = BusConnection> {
  /** Its well-known name on the bus. */
  readonly name: string;
  /**
   * Exports its objects and asks for its name; called once for each connection. Who gets the name shows
   * later, and is told by the keeper.
   *
   * @throws {BusError} `bus.access-denied`: this user may not own the name.
   */
  serve(bus: Bus): Promise<void>;
}

/** What keeping services on a bus stands on. */
export interface KeepOnBusOptions<Bus extends KeptBus = BusConnection> {
  /** Opens a connection, or throws a {@link BusError}. */
  connect(signal: AbortSignal): Promise<Bus>;
  /** What is offered. */
  readonly services: readonly BusService<Bus>[];
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: RandomDriver;
  /** Where what happens is told. */
  readonly logger: Logger;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Keeps services on a D-Bus, over restarts of the bus, until `signal` is aborted. Nothing that goes wrong
 * with the bus goes beyond this: it is told once, and tried again after waits that double up to 30 s. A
 * name that another program owns is left to it. Ends earlier where trying again would never help, and
 * never rejects.
 */
export async function keepOnBus<Bus extends KeptBus>(
  options: KeepOnBusOptions<Bus>,
): Promise<void> {
  const { clock, random, signal } = options;
  const restart = () => backoffSchedule(LONGEST_WAIT_MS, () => random.next());
  const teller = new Teller(options.logger);
  let waits = restart();
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    try {
      await attend(options, teller);
    } catch (error) {
      if (signal.aborted) return;
      teller.failed(error);
      if (isHopeless(error)) return;
    }
    if (clock.monotonic() - startedAt >= SUCCESS_MS) waits = restart();
    await sleep(clock, waits.next().value, signal).catch(() => {}); // aborted: the loop ends
  }
}

/** One connection, up to its end. */
async function attend<Bus extends KeptBus>(
  { connect, services, signal }: KeepOnBusOptions<Bus>,
  teller: Teller,
): Promise<void> {
  const bus = await connect(signal);
  const forget = onAbort(signal, () => bus.close());
  try {
    signal.throwIfAborted();
    for (const service of services) await offer(bus, service, teller);
    const lost = await bus.lost;
    signal.throwIfAborted();
    throw lost;
  } finally {
    forget();
    bus.close();
    await bus.lost;
  }
}

async function offer<Bus extends KeptBus>(
  bus: Bus,
  service: BusService<Bus>,
  teller: Teller,
): Promise<void> {
  const { name } = service;
  try {
    await service.serve(bus);
  } catch (error) {
    // Only another policy helps: it is asked for again on the next connection.
    if (isMenderError(error, "bus.access-denied")) return teller.denied(name, error);
    throw error;
  }
  await bus.watchName(name, `watch the D-Bus name ${name}`, (owner) => {
    teller.owned(
      name,
      owner === bus.uniqueName ? "us" : owner === undefined ? "nobody" : "another",
    );
  });
}

/** Whether nothing but another start of this process could help. */
function isHopeless(error: unknown): boolean {
  return isMenderError(error, "bus.not-permitted") ||
    isMenderError(error) && error.retry === "never";
}

/** Tells what is new; a bus that is gone, or a name that is taken, is looked at again and again. */
class Teller {
  readonly #logger: Logger;
  /** The last thing that was said about a name; about the bus, by the empty name. */
  readonly #said = new Map<string, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  failed(error: unknown): void {
    const isKnown = isMenderError(error);
    const level = isHopeless(error) ? "warning" : isKnown ? "info" : "error";
    this.#tell("", level, "Nothing is offered on the D-Bus now", hintIn(error), error);
  }

  denied(name: string, error: unknown): void {
    const hint = 'The policy of the bus allows it where "mender-deno setup" has written it';
    this.#tell(name, "warning", `May not own the D-Bus name ${name}`, { hint }, error);
  }

  owned(name: string, owner: "us" | "another" | "nobody"): void {
    // Passes by: whoever is next in turn gets it at once.
    if (owner === "nobody") return;
    this.#said.delete("");
    const message = owner === "us"
      ? `Serving ${name} on the D-Bus`
      : `Another program owns the D-Bus name ${name}; it is left to that one`;
    this.#tell(name, "info", message);
  }

  #tell(
    about: string,
    level: "info" | "warning" | "error",
    message: string,
    fields: { hint?: string } = {},
    error?: unknown,
  ): void {
    const said = error === undefined ? message : `${message}: ${messageOf(error)}`;
    const isNew = this.#said.get(about) !== said;
    this.#said.set(about, said);
    this.#logger.log(isNew ? level : "debug", message, fields, error);
  }
}

function hintIn(error: unknown): { hint?: string } {
  return isMenderError(error) && error.hint !== undefined ? { hint: error.hint } : {};
}
