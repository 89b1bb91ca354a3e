/**
 * The drivers of the runtime that we stand on. The only place that asks which one it is.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Drivers } from "./drivers.ts";
import type { HttpDriver, HttpDriverOptions } from "./http/http_driver.ts";
import { nodeFiles } from "./files/node_files.ts";
import { nodeSelf, nodeSignals } from "./node_self.ts";
import { nodeSockets } from "./node_sockets.ts";
import { processDriver, type ProcessStarter } from "./processes/process_starter.ts";
import { systemClock } from "./system_clock.ts";

const isDeno = "Deno" in globalThis;

/** Makes the drivers of this runtime. What only the other runtime needs is never loaded. */
export async function hostDrivers(): Promise<Drivers> {
  const starter: ProcessStarter = isDeno
    ? (await import("./processes/deno_processes.ts")).denoStarter
    : (await import("./processes/node_processes.ts")).nodeStarter;
  return {
    runtime: isDeno
      ? { name: "deno", version: Deno.version.deno }
      : { name: "node", version: process.versions.node },
    files: nodeFiles,
    processes: processDriver(starter, systemClock),
    sockets: nodeSockets,
    clock: systemClock,
    random: { next: Math.random, uuid: randomUUID },
    signals: nodeSignals,
    self: nodeSelf(selfCommand),
    http: openHttp,
  };
}

async function openHttp(options: HttpDriverOptions): Promise<HttpDriver> {
  return isDeno && options.skipVerify !== true
    ? (await import("./http/deno_http.ts")).denoHttp(options)
    : (await import("./http/node_http.ts")).nodeHttp(options);
}

function selfCommand(module: URL, permissions: readonly string[]): string[] {
  const path = module.protocol === "file:" ? fileURLToPath(module) : module.href;
  if (!isDeno) return [process.execPath, path];
  // Quiet: at each start Deno warns that permission sets are new.
  return [Deno.execPath(), "run", "--quiet", ...permissions, path];
}
