import { isMenderError, MenderError, nameErrors, StoreError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { sleep } from "../runtime/clock.ts";
import type { Drivers } from "../runtime/drivers.ts";
import { errnoOf, type FileDriver } from "../runtime/files/file_driver.ts";
import type { SocketListener } from "../runtime/socket_driver.ts";
import { storeFailure } from "../store/store_failure.ts";
import { askControl } from "./control/ask_control.ts";
import { type ControlHandler, serveConnection } from "./control/serve_connection.ts";
import { inTurn } from "./turn_file.ts";

/** A daemon or a terminal that cannot start because another one runs (`daemon.*`, `terminal.*`). */
export class InstanceError extends MenderError {}

nameErrors({ InstanceError });

/** Room in `sockaddr_un` of Linux, without the final zero. */
const MAX_PATH_BYTES = 107;

const HELLO_WITHIN_MS = 2000;
const LOOK_EVERY_MS = 100;

/** Who holds the instance: a daemon or a terminal, for long, or a `report` while it delivers. */
export type InstanceRole = "daemon" | "report" | "terminal";

/** What the holder of an instance is and does. */
export interface InstanceOptions {
  /** Who wants to hold it. */
  readonly role: InstanceRole;
  /** Process ID, for whoever asks. */
  readonly pid: number;
  /** Answers what clients ask, except `hello`. */
  readonly handler: ControlHandler;
  /** Told of connections that break. */
  readonly logger: Logger;
  /** Ends the wait for a `report` that holds it. */
  readonly signal: AbortSignal;
}

/** What of the machine is needed to hold an instance. */
export type InstanceDrivers = Pick<Drivers, "sockets" | "files" | "clock">;

/**
 * Makes sure that one process at most works on the deployments of a data directory: binds the control
 * socket, after removing one that a dead process left. Of several that start at the same time one does
 * so after the other. A `report` that holds it is waited for: it ends by itself.
 *
 * A `terminal` holds a socket of its own in the same way.
 *
 * @throws {InstanceError} `daemon.already-running`, `terminal.already-running`: another one holds it.
 * @throws {StoreError} The socket cannot be bound: `store.path-too-long`, `store.denied` ...
 */
export async function guardInstance(
  drivers: InstanceDrivers,
  path: string,
  options: InstanceOptions,
): Promise<SocketListener> {
  if (new TextEncoder().encode(path).length > MAX_PATH_BYTES) {
    throw new StoreError(
      "store.path-too-long",
      `Cannot bind the control socket (${path}): wanted at most ${MAX_PATH_BYTES} bytes`,
      { hint: "Name a data directory with a shorter path with --data", retry: "never" },
    );
  }
  for (;;) {
    const bound = await tryToBind(drivers, path, options);
    if (bound !== undefined) return bound;
    await sleep(drivers.clock, LOOK_EVERY_MS, options.signal);
  }
}

/** Binds the socket; `undefined` while a `report` holds it, or somebody who is about to end. */
async function tryToBind(
  drivers: InstanceDrivers,
  path: string,
  options: InstanceOptions,
): Promise<SocketListener | undefined> {
  const { files, clock } = drivers;
  let bound: SocketListener | undefined;
  try {
    return await inTurn(files, clock, path, async () => {
      if (files.stat(path) !== undefined) {
        const holder = await holderOf(drivers, path);
        if (holder === "report" || holder === "ending") return undefined;
        if (holder !== undefined) throw alreadyRunning(path, options.role);
        files.remove(path);
      }
      return bound = await bind(drivers, path, options);
    }, options.signal);
  } catch (error) {
    // The turn cannot be given back. Nobody would answer at the socket, and everybody would wait for us.
    await bound?.close();
    options.signal.throwIfAborted();
    if (isMenderError(error)) throw error;
    throw storeFailure("bind the control socket", path, error);
  }
}

async function bind(
  { sockets, files, clock }: InstanceDrivers,
  path: string,
  { role, pid, handler, logger }: InstanceOptions,
): Promise<SocketListener> {
  const answer: ControlHandler = (request) =>
    request.do === "hello" ? { ok: true, role, pid } : handler(request);
  try {
    const listener = await sockets.listenUnix(
      path,
      (peer) => void serveConnection(peer, answer, logger, clock),
    );
    return whileOurs(listener, files, path);
  } catch (error) {
    if (errnoOf(error) === "EADDRINUSE") throw alreadyRunning(path, role);
    throw error;
  }
}

/** Who holds the socket; `undefined`: nobody that lives. One that is just ending is `nobody` soon. */
async function holderOf(
  drivers: InstanceDrivers,
  path: string,
): Promise<InstanceRole | "ending" | undefined> {
  try {
    const answer = await askControl(drivers, path, { v: 1, do: "hello" }, HELLO_WITHIN_MS);
    return answer.ok && answer["role"] === "report" ? "report" : "daemon";
  } catch (error) {
    if (isMenderError(error, "control.nobody")) return undefined;
    if (isMenderError(error, "control.hung-up")) return "ending";
    if (!isMenderError(error, "control.")) throw error;
    // Somebody listens and does not answer: a daemon that is busy, or stands still.
    return "daemon";
  }
}

/** Closing a listener removes whatever has its path by then: another one's socket must survive that. */
function whileOurs(listener: SocketListener, files: FileDriver, path: string): SocketListener {
  const identity = files.stat(path)?.identity;
  return {
    async close() {
      const found = files.stat(path);
      if (found === undefined || found.identity === identity) return await listener.close();
      const beside = `${path}.${crypto.randomUUID()}`;
      files.link(path, beside);
      await listener.close();
      files.rename(beside, path);
    },
  };
}

function alreadyRunning(path: string, role: InstanceRole): InstanceError {
  const isTerminal = role === "terminal";
  return new InstanceError(
    isTerminal ? "terminal.already-running" : "daemon.already-running",
    isTerminal
      ? `Cannot start: another terminal holds ${path}`
      : `Cannot start: another daemon holds ${path}`,
    {
      hint: "Stop it first, or name another data directory with --data",
      retry: "never",
    },
  );
}
