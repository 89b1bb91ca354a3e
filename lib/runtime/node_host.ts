/**
 * The drivers of Node.
 *
 * @module
 */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { nodeFiles } from "./files/node_files.ts";
import { nodeSelf, nodeSignals } from "./node_self.ts";
import { nodeSockets } from "./node_sockets.ts";
import { nodeStarter } from "./processes/node_processes.ts";
import type { RuntimeHost } from "./runtime_host.ts";

/** See {@link RuntimeHost}. */
export const host: RuntimeHost = {
  runtime: { name: "node", version: process.versions.node },
  files: nodeFiles(fs, tmpdir),
  starter: nodeStarter,
  sockets: nodeSockets,
  signals: nodeSignals,
  self: nodeSelf,
  async http(options) {
    const { undiciHttp } = await import("./http/undici_http.ts");
    return undiciHttp({ ...options, hasRuntimeRoots: true, silenceLimitMs: 0 });
  },
};
