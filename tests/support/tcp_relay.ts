import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A wire between a client and a server, which a test can cut or let go dead. */
export interface TcpRelay {
  /** Port on 127.0.0.1. */
  readonly port: number;
  /** From now on nothing passes, and nobody is told: as when a cable is pulled. New connections pass. */
  goDead(): void;
}

/** Runs a test body with a relay to a port of this machine. */
export async function withRelay(
  target: number,
  body: (relay: TcpRelay) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(from);
      from.on("data", (chunk) => void to.write(chunk));
      from.on("error", () => from.destroy());
      from.on("close", () => {
        sockets.delete(from);
        if (from.listenerCount("data") > 0) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  try {
    await body({
      port: (server.address() as AddressInfo).port,
      goDead() {
        for (const socket of sockets) {
          socket.removeAllListeners("data");
          socket.resume(); // what comes is swallowed
        }
      },
    });
  } finally {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) {
      socket.removeAllListeners("data");
      socket.destroy();
    }
    await closed;
  }
}
