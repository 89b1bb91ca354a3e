import { MenderError } from "../core/errors.ts";
import { errnoOf, type FileDriver } from "../runtime/files/file_driver.ts";
import type { SocketDriver, SocketListener } from "../runtime/socket_driver.ts";
import { storeFailure } from "../store/store_failure.ts";

/** A daemon that cannot start because another one runs (`daemon.*`). */
export class InstanceError extends MenderError {}

/**
 * Makes sure that one daemon at most works in a data directory: binds the control socket, after
 * removing one that a dead daemon left.
 *
 * @throws {InstanceError} `daemon.already-running`.
 * @throws {StoreError} The socket cannot be bound.
 */
export async function guardInstance(
  sockets: SocketDriver,
  files: FileDriver,
  path: string,
): Promise<SocketListener> {
  try {
    return await sockets.listenUnix(path, (peer) => peer.close());
  } catch (error) {
    if (errnoOf(error) !== "EADDRINUSE") throw storeFailure("bind the control socket", path, error);
  }
  if (await isAnswered(sockets, path)) {
    throw new InstanceError(
      "daemon.already-running",
      `Cannot start: another daemon holds ${path}`,
      {
        hint: "Stop it first, or name another data directory with --data",
        retry: "never",
      },
    );
  }
  try {
    files.remove(path);
    return await sockets.listenUnix(path, (peer) => peer.close());
  } catch (error) {
    throw storeFailure("bind the control socket", path, error);
  }
}

async function isAnswered(sockets: SocketDriver, path: string): Promise<boolean> {
  try {
    (await sockets.connectUnix(path, { timeoutMs: 2000 })).close();
    return true;
  } catch (error) {
    // A socket file that nobody listens on refuses; anything else may be a living daemon.
    return errnoOf(error) !== "ECONNREFUSED" && errnoOf(error) !== "ENOENT";
  }
}
