import { connect, createServer, type Socket } from "node:net";
import { chmodSync } from "node:fs";
import type { SocketConnection, SocketDriver, SocketListener } from "./socket_driver.ts";

/** Unix sockets by `node:net`; on Deno only to connect, see `deno_sockets.ts`. */
export const nodeSockets: SocketDriver = {
  listenUnix(path, onConnection) {
    return new Promise<SocketListener>((resolve, reject) => {
      const open = new Set<Socket>();
      const server = createServer((socket) => {
        open.add(socket);
        socket.on("close", () => open.delete(socket));
        onConnection(connectionOf(socket));
      });
      server.once("error", reject);
      server.listen(path, () => {
        try {
          chmodSync(path, 0o600);
        } catch (error) {
          server.close();
          return reject(error);
        }
        resolve({
          close: () =>
            new Promise((done) => {
              server.close(() => done());
              for (const socket of open) socket.destroy();
            }),
        });
      });
    });
  },
  connectUnix(path, options) {
    return new Promise<SocketConnection>((resolve, reject) => {
      const socket = connect({ path });
      const timer = setTimeout(() => {
        socket.destroy();
        reject(Object.assign(new Error(`connect ETIMEDOUT ${path}`), { code: "ETIMEDOUT" }));
      }, options.timeoutMs);
      socket.once("error", (error) => {
        clearTimeout(timer);
        reject(error);
      });
      socket.once("connect", () => {
        clearTimeout(timer);
        resolve(connectionOf(socket));
      });
    });
  },
};

function connectionOf(socket: Socket): SocketConnection {
  // A listener must stand for the whole life of the socket; readers see the error through the iterator.
  socket.on("error", () => {});
  return {
    readable: socket,
    write: (bytes) =>
      new Promise((resolve, reject) =>
        socket.write(bytes, (error) => error ? reject(error) : resolve())
      ),
    close: () => {
      socket.end();
    },
    abort: () => {
      socket.destroy();
    },
  };
}
