import type { SocketConnection, SocketDriver } from "./socket_driver.ts";

/** Requests are short; the stream that Deno makes of a connection takes 64 KiB for each piece. */
const READ_BYTES = 4096;

/**
 * Unix sockets on Deno. Listening is done natively: a socket that `node:net` listens on there (2.9.6) is
 * inherited by every program that is started, and so goes on listening after its owner is dead.
 */
export const denoSockets: SocketDriver = {
  listenUnix(path, onConnection) {
    return new Promise((resolve) => {
      const listener = Deno.listen({ transport: "unix", path });
      try {
        Deno.chmodSync(path, 0o600);
      } catch (error) {
        listener.close();
        throw error;
      }
      const open = new Set<Deno.Conn>();
      const accepting = accept(listener, open, onConnection);
      resolve({
        async close() {
          removeSocket(path);
          listener.close();
          for (const connection of open) closeOnce(connection);
          await accepting;
        },
      });
    });
  },
  connectUnix: async (path, options) =>
    await (await import("./node_sockets.ts")).nodeSockets.connectUnix(path, options),
};

async function accept(
  listener: Deno.Listener<Deno.UnixConn>,
  open: Set<Deno.Conn>,
  onConnection: (peer: SocketConnection) => void,
): Promise<void> {
  for await (const connection of listener) {
    open.add(connection);
    onConnection(connectionOf(connection, () => open.delete(connection)));
  }
}

function connectionOf(connection: Deno.Conn, onClose: () => void): SocketConnection {
  const close = (): void => {
    onClose();
    closeOnce(connection);
  };
  return {
    readable: chunksOf(connection),
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    },
    close,
    abort: close,
  };
}

async function* chunksOf(connection: Deno.Conn): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const buffer = new Uint8Array(READ_BYTES);
    const size = await connection.read(buffer);
    if (size === null) return;
    yield buffer.subarray(0, size);
  }
}

function closeOnce(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // closed already
  }
}

function removeSocket(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
