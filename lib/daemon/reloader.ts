import type { Device } from "../device/device.ts";
import { type Config, hostAndPort, requireServers } from "../config/mod.ts";
import { ConfigError, isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { SelfDriver } from "../runtime/drivers.ts";
import type { ServiceNotifier } from "./service_notifier.ts";
import { pacesOf } from "./paces.ts";
import type { Daemon } from "./daemon.ts";

/** What a {@link Reloader} stands on. */
export interface ReloaderOptions {
  /** Gets the new settings. */
  readonly daemon: Daemon;
  /** Reads the configuration, both files; throws a {@link ConfigError}. */
  readonly load: () => Config;
  /** Opens the device of a configuration. */
  readonly open: (config: Config) => Promise<Device>;
  /** Whether a server may be reached with the rights of this process. */
  readonly self: Pick<SelfDriver, "mayReach">;
  /** Told that it is read, and when that is done. */
  readonly notifier: Pick<ServiceNotifier, "reloading" | "ready">;
  /** Told each configuration that is in effect now. */
  readonly onEffect?: (config: Config) => void;
  /** Told what became of it. */
  readonly logger: Logger;
}

/**
 * Reads the configuration again while the daemon runs. A good one is in effect once the daemon has done
 * what it is doing; a bad one changes nothing.
 */
export class Reloader {
  readonly #options: ReloaderOptions;
  #reading: Promise<unknown> = Promise.resolve();

  /** Makes a reloader; nothing is read yet. */
  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /** Reads it again, after those that were asked for before. Never rejects: it is told in the log. */
  async reload(): Promise<void> {
    const read = this.#reading.then(() => this.#read());
    this.#reading = read;
    const next = await read;
    if (next !== undefined) await this.#apply(next);
  }

  async #read(): Promise<{ config: Config; device: Device } | undefined> {
    const { load, open, self, daemon, notifier, logger } = this.#options;
    notifier.reloading();
    try {
      const config = load();
      for (const server of requireServers(config)) refuseUnreachable(self, server);
      const device = await open(config);
      logger.log(
        "info",
        daemon.isAtWork
          ? "The configuration was read again; it takes effect after the deployment"
          : "The configuration was read again",
      );
      return { config, device };
    } catch (error) {
      const known = isMenderError(error) ? error : undefined;
      logger.log("error", "The configuration is not used; the one before stays in effect", {
        ...(known !== undefined && { code: known.code }),
        ...(known?.hint !== undefined && { hint: known.hint }),
      }, error);
      return undefined;
    } finally {
      notifier.ready();
    }
  }

  async #apply({ config, device }: { config: Config; device: Device }): Promise<void> {
    const { daemon, logger } = this.#options;
    try {
      const before = await daemon.reconfigure({
        device,
        ...pacesOf(config),
        isTokenShared: config.isBusEnabled,
      });
      before.close();
      this.#options.onEffect?.(config);
      logger.log("info", "The new configuration is in effect");
    } catch (error) {
      device.close();
      // The next daemon reads it anyway.
      logger.log("debug", "The configuration came too late for this daemon", {}, error);
    }
  }
}

function refuseUnreachable(self: Pick<SelfDriver, "mayReach">, server: string): void {
  const address = hostAndPort(server);
  if (self.mayReach(address)) return;
  throw new ConfigError(
    "config.server-not-permitted",
    `Cannot use ${server}: this daemon was started without net access to "${address}"`,
    {
      hint: "Start it anew with that right; as a service: run mender-deno setup, then restart it",
      retry: "never",
    },
  );
}
