import type { AddressInfo, Socket } from "node:net";
import tls from "node:tls";
import type { Credential } from "../../support/certificates.ts";

/** Stands before a server with https, under a certificate for names that the server's own has not. */
export interface Front {
  readonly port: number;
  close(): Promise<void>;
}

/** Opens a front; what comes is passed on, encrypted anew for the server at that port of this machine. */
export async function openFront(
  { certificate, key }: Credential,
  port: number,
  ca: string,
): Promise<Front> {
  const sockets = new Set<Socket>();
  const server = tls.createServer({ cert: certificate, key }, (client) => {
    const upstream = tls.connect({ host: "127.0.0.1", port, ca });
    for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(upstream);
    upstream.pipe(client);
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
