/**
 * The drivers of the runtime that we stand on. The only place that asks which one it is.
 *
 * @module
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Drivers } from "./drivers.ts";
import type { HttpDriver, HttpDriverOptions } from "./http/http_driver.ts";
import { nodeFiles } from "./files/node_files.ts";
import { nodeSelf, nodeSignals } from "./node_self.ts";
import type { NetworkDriver } from "./network_driver.ts";
import { isExecutable } from "./project_directory.ts";
import { processDriver, type ProcessStarter } from "./processes/process_starter.ts";
import { systemClock } from "./system_clock.ts";
import type { WebSocketConnection, WebSocketOptions } from "./websocket/websocket_driver.ts";

const isDeno = "Deno" in globalThis;

/** Makes the drivers of this runtime. What only the other runtime needs is never loaded. */
export async function hostDrivers(): Promise<Drivers> {
  const starter: ProcessStarter = isDeno
    ? (await import("./processes/deno_processes.ts")).denoStarter
    : (await import("./processes/node_processes.ts")).nodeStarter;
  const processes = processDriver(starter, systemClock);
  return {
    runtime: isDeno
      ? { name: "deno", version: Deno.version.deno }
      : { name: "node", version: process.versions.node },
    files: nodeFiles,
    processes,
    sockets: isDeno
      ? (await import("./deno_sockets.ts")).denoSockets
      : (await import("./node_sockets.ts")).nodeSockets,
    clock: systemClock,
    random: { next: Math.random, uuid: () => crypto.randomUUID() },
    signals: nodeSignals,
    self: nodeSelf({ selfCommand, mayReach }),
    webSockets: { connect: connectWebSocket },
    network: {
      connectTcp: async (options) => (await network()).connectTcp(options),
      connectUdp: async (options) => (await network()).connectUdp(options),
    },
    pty: async () => (await import("./pty/open_pty.ts")).openPty(processes, systemClock),
    http: openHttp,
  };
}

async function network(): Promise<NetworkDriver> {
  return (await import("./node_network.ts")).nodeNetwork;
}

async function connectWebSocket(options: WebSocketOptions): Promise<WebSocketConnection> {
  const { wsClient } = await import("./websocket/ws_client.ts");
  return await wsClient(systemClock, !isDeno).connect(options);
}

/** Silence that undici on Deno waits through; see {@link HttpDriverOptions.silenceLimitMs}. */
const SILENCE_LIMIT_MS = 30_000;

async function openHttp(options: HttpDriverOptions): Promise<HttpDriver> {
  const byUndici = async (): Promise<HttpDriver> => {
    const { undiciHttp } = await import("./http/undici_http.ts");
    const silenceLimitMs = isDeno ? options.silenceLimitMs ?? SILENCE_LIMIT_MS : 0;
    return undiciHttp({ ...options, hasRuntimeRoots: !isDeno, silenceLimitMs });
  };
  return isDeno && options.skipVerify !== true
    ? (await import("./http/deno_http.ts")).denoHttp(options, byUndici)
    : await byUndici();
}

function mayReach(host: string): boolean {
  return !isDeno || Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

function selfCommand(module: URL, permissions: readonly string[]): string[] {
  const path = module.protocol === "file:" ? fileURLToPath(module) : module.href;
  if (!isDeno) return [process.execPath, path];
  // Its permissions are part of it.
  if (isExecutable()) return [Deno.execPath()];
  // Quiet: at each start Deno warns that permission sets are new.
  return [Deno.execPath(), "run", "--quiet", ...permissions, path];
}
