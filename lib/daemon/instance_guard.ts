import { randomUUID } from "node:crypto";
import { isMenderError, MenderError, StoreError } from "../core/errors.ts";
import type { Drivers } from "../runtime/drivers.ts";
import { errnoOf, type FileDriver } from "../runtime/files/file_driver.ts";
import type { SocketDriver, SocketListener } from "../runtime/socket_driver.ts";
import { storeFailure } from "../store/store_failure.ts";
import { inTurn } from "./turn_file.ts";

/** A daemon that cannot start because another one runs (`daemon.*`). */
export class InstanceError extends MenderError {}

/** Room in `sockaddr_un` of Linux, without the final zero. */
const MAX_PATH_BYTES = 107;

/** Errors by which a socket says that nobody stands behind it. */
const DEAD = ["ECONNREFUSED", "ENOENT"];

/** Errors by which the system, not a daemon, refuses the connection. */
const DENIED = ["EACCES", "EPERM", "ENOTCAPABLE"];

/**
 * Makes sure that one daemon at most works in a data directory: binds the control socket, after
 * removing one that a dead daemon left. Of several daemons that start at the same time one does so after
 * the other.
 *
 * @throws {InstanceError} `daemon.already-running`.
 * @throws {StoreError} The socket cannot be bound: `store.path-too-long`, `store.denied` …
 */
export async function guardInstance(
  { sockets, files, clock }: Pick<Drivers, "sockets" | "files" | "clock">,
  path: string,
): Promise<SocketListener> {
  if (new TextEncoder().encode(path).length > MAX_PATH_BYTES) {
    throw new StoreError(
      "store.path-too-long",
      `Cannot bind the control socket (${path}): wanted at most ${MAX_PATH_BYTES} bytes`,
      { hint: "Name a data directory with a shorter path with --data", retry: "never" },
    );
  }
  try {
    return await inTurn(files, clock, path, () => bind(sockets, files, path));
  } catch (error) {
    if (isMenderError(error)) throw error;
    throw storeFailure("bind the control socket", path, error);
  }
}

async function bind(
  sockets: SocketDriver,
  files: FileDriver,
  path: string,
): Promise<SocketListener> {
  if (files.stat(path) !== undefined) {
    if (await isAnswered(sockets, path)) throw alreadyRunning(path);
    files.remove(path);
  }
  try {
    const listener = await sockets.listenUnix(path, (peer) => peer.close());
    return whileOurs(listener, files, path);
  } catch (error) {
    if (errnoOf(error) === "EADDRINUSE") throw alreadyRunning(path);
    throw error;
  }
}

/** Closing a listener removes whatever has its path by then: another one's socket must survive that. */
function whileOurs(listener: SocketListener, files: FileDriver, path: string): SocketListener {
  const identity = files.stat(path)?.identity;
  return {
    async close() {
      const found = files.stat(path);
      if (found === undefined || found.identity === identity) return await listener.close();
      const beside = `${path}.${randomUUID()}`;
      files.link(path, beside);
      await listener.close();
      files.rename(beside, path);
    },
  };
}

function alreadyRunning(path: string): InstanceError {
  return new InstanceError(
    "daemon.already-running",
    `Cannot start: another daemon holds ${path}`,
    {
      hint: "Stop it first, or name another data directory with --data",
      retry: "never",
    },
  );
}

async function isAnswered(sockets: SocketDriver, path: string): Promise<boolean> {
  try {
    (await sockets.connectUnix(path, { timeoutMs: 2000 })).close();
    return true;
  } catch (error) {
    const errno = errnoOf(error) ?? "";
    if (DENIED.includes(errno)) throw storeFailure("ask the control socket", path, error);
    // A socket file that nobody listens on refuses; anything else may be a living daemon.
    return !DEAD.includes(errno);
  }
}
