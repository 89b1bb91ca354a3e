/**
 * The drivers of the runtime that we stand on. The only place that asks which one it is.
 *
 * @module
 */
import type { Drivers } from "./drivers.ts";
import type { NetworkDriver } from "./network_driver.ts";
import { processDriver } from "./processes/process_starter.ts";
import { systemClock } from "./system_clock.ts";
import type { WebSocketConnection, WebSocketOptions } from "./websocket/websocket_driver.ts";

const isDeno = "Deno" in globalThis;

/** Makes the drivers of this runtime. What only the other runtime needs is never loaded. */
export async function hostDrivers(): Promise<Drivers> {
  const { starter, ...own } = isDeno
    ? (await import("./deno_host.ts")).host
    : (await import("./node_host.ts")).host;
  const processes = processDriver(starter, systemClock);
  return {
    ...own,
    processes,
    clock: systemClock,
    random: { next: Math.random, uuid: () => crypto.randomUUID() },
    webSockets: { connect: connectWebSocket },
    network: {
      connectTcp: async (options) => (await network()).connectTcp(options),
      connectUdp: async (options) => (await network()).connectUdp(options),
    },
    pty: async () => (await import("./pty/open_pty.ts")).openPty(processes, systemClock),
  };
}

async function network(): Promise<NetworkDriver> {
  return (await import("./node_network.ts")).nodeNetwork;
}

async function connectWebSocket(options: WebSocketOptions): Promise<WebSocketConnection> {
  const { wsClient } = await import("./websocket/ws_client.ts");
  return await wsClient(systemClock, !isDeno).connect(options);
}
