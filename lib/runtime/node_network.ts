import { createSocket, type Socket as Datagrams } from "node:dgram";
import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { AsyncQueue } from "../core/async_queue.ts";
import { within } from "./clock.ts";
import type {
  ConnectOptions,
  NetworkDriver,
  TcpConnection,
  UdpConnection,
} from "./network_driver.ts";
import { systemClock } from "./system_clock.ts";

/** Datagrams that wait to be taken; further ones are dropped, as a full socket does. */
const MAX_WAITING_DATAGRAMS = 256;

/** TCP and UDP by `node:net` and `node:dgram`, on Deno and on Node. */
export const nodeNetwork: NetworkDriver = {
  connectTcp: (options) =>
    new Promise<TcpConnection>((resolve, reject) => {
      const socket = connect({ host: options.host, port: options.port, allowHalfOpen: true });
      const timer = setTimeout(() => {
        socket.destroy(timedOut(options));
      }, options.limitMs);
      socket.setNoDelay(true);
      const onError = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      socket.once("error", onError);
      socket.once("connect", () => {
        clearTimeout(timer);
        socket.off("error", onError);
        resolve(tcpConnection(socket));
      });
    }),
  async connectUdp(options) {
    const address = await addressOf(options);
    checkMayBind(bindAddress(address));
    const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
    return await udpConnection(socket, address, options.port);
  },
};

function tcpConnection(socket: Socket): TcpConnection {
  // A listener must stand for the whole life of the socket; readers see the error through the iterator.
  socket.on("error", () => socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return {
    readable: socket.iterator({ destroyOnReturn: false }),
    write: (bytes) => write(socket, bytes),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    closed,
  };
}

function write(socket: Socket, bytes: Uint8Array): Promise<void> | undefined {
  let tell = (_error?: Error | null): void => {};
  socket.write(bytes, (error) => tell(error)); // calls back in a later turn
  if (socket.writableLength === 0 && socket.errored === null && socket.writable) return undefined;
  return new Promise((resolve, reject) => {
    tell = (error) => error ? reject(error) : resolve();
  });
}

function udpConnection(socket: Datagrams, address: string, port: number): Promise<UdpConnection> {
  return new Promise((resolve, reject) => {
    const datagrams = new AsyncQueue<Uint8Array>();
    let isClosed = false;
    socket.once("error", reject);
    socket.on("error", () => {}); // an ICMP answer, say: the peer may be there later
    socket.on("message", (message, from) => {
      if (from.port !== port) return; // another peer than ours
      if (datagrams.size < MAX_WAITING_DATAGRAMS) datagrams.push(Uint8Array.from(message));
    });
    socket.once("close", () => datagrams.end());
    socket.bind(0, bindAddress(address), () => {
      resolve({
        readable: datagrams,
        write: (bytes) =>
          new Promise((sent, failed) =>
            socket.send(bytes, port, address, (error) => error ? failed(error) : sent())
          ),
        destroy() {
          if (isClosed) return;
          isClosed = true;
          socket.close();
        },
      });
    });
  });
}

/** Of ours: the loopback for a peer on this machine, else any. */
function bindAddress(peer: string): string {
  if (peer.startsWith("127.")) return "127.0.0.1";
  if (isIP(peer) === 4) return "0.0.0.0";
  return peer === "::1" ? "::1" : "::";
}

/** On Deno a socket that may not be bound ends the whole program, behind every handler (2.9.6). */
function checkMayBind(address: string): void {
  if (!("Deno" in globalThis)) return;
  const host = address.includes(":") ? `[${address}]:0` : `${address}:0`;
  if (Deno.permissions.querySync({ name: "net", host }).state === "granted") return;
  const message = `Requires net access to "${host}" for UDP`;
  throw Object.assign(new Error(message), { name: "NotCapable" });
}

async function addressOf(options: ConnectOptions): Promise<string> {
  if (isIP(options.host) !== 0) return options.host;
  const late = (): Error => timedOut(options);
  return (await within(systemClock, options.limitMs, late, lookup(options.host))).address;
}

function timedOut({ host, port }: ConnectOptions): Error {
  return Object.assign(new Error(`connect ETIMEDOUT ${host}:${port}`), { code: "ETIMEDOUT" });
}
