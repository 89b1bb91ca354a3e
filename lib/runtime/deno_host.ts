/**
 * The drivers of Deno. What a command does not need is not loaded.
 *
 * @module
 */
import { denoSelf, denoSignals } from "./deno_self.ts";
import { denoSockets } from "./deno_sockets.ts";
import { denoFiles } from "./files/deno_files.ts";
import { denoHttp } from "./http/deno_http.ts";
import type { HttpDriver } from "./http/http_driver.ts";
import { denoStarter } from "./processes/deno_processes.ts";
import type { RuntimeHost } from "./runtime_host.ts";

/** Silence that undici on Deno waits through; see `HttpDriverOptions.silenceLimitMs`. */
const SILENCE_LIMIT_MS = 30_000;

/** See {@link RuntimeHost}. */
export const host: RuntimeHost = {
  runtime: { name: "deno", version: Deno.version.deno },
  files: denoFiles,
  starter: denoStarter,
  sockets: denoSockets,
  signals: denoSignals,
  self: denoSelf,
  async http(options) {
    const byUndici = async (): Promise<HttpDriver> => {
      const { undiciHttp } = await import("./http/undici_http.ts");
      const silenceLimitMs = options.silenceLimitMs ?? SILENCE_LIMIT_MS;
      return undiciHttp({ ...options, hasRuntimeRoots: false, silenceLimitMs });
    };
    return options.skipVerify === true ? await byUndici() : await denoHttp(options, byUndici);
  },
};
