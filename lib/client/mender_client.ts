/**
 * The whole client as a part of an application: what the daemon does, with a callback in the place of the
 * sub-updater where one is wanted. It owns no more than what it was given: no signals, no exit, no log.
 *
 * @module
 */
import { loadConfig, wellKnownPaths } from "../config/mod.ts";
import { closeOnDispose } from "../core/async_dispose.ts";
import { isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ClientEvent } from "../daemon/client_event.ts";
import { ClientEvents } from "../daemon/client_events.ts";
import { daemonHandler, statusOf } from "../daemon/control/daemon_handler.ts";
import type { ControlHandler } from "../daemon/control/serve_connection.ts";
import { Daemon } from "../daemon/daemon.ts";
import type { DaemonStatus } from "../daemon/daemon_status.ts";
import { pacesOf } from "../daemon/paces.ts";
import { guardInstance } from "../daemon/instance_guard.ts";
import { deploymentFiles } from "../deployment/deployment_files.ts";
import { ApplicationHandoff } from "../deployment/handoff/application_handoff.ts";
import type { AnnouncedStatus } from "../deployment/handoff/installation.ts";
import { Device } from "../device/device.ts";
import { type LogSink, logTo } from "../log/record.ts";
import { Redactor } from "../log/redactor.ts";
import type { Drivers } from "../runtime/drivers.ts";
import { hostDrivers } from "../runtime/host.ts";
import type { SocketListener } from "../runtime/socket_driver.ts";
import { prepareDataDirectory } from "../store/data_directory.ts";
import type { MenderClientOptions } from "./client_options.ts";
import { reportTo } from "./report_to.ts";

/** How long an installation may take to end once its signal is aborted. */
const CLOSE_WITHIN_MS = 30_000;

const STARTING = { ok: false, code: "control.busy", message: "The client is starting" } as const;

/** Why a client stops. */
class Closed extends Error {
  constructor() {
    super("The client is closed");
    this.name = "Closed";
  }
}

/**
 * A client that runs: it authenticates, sends the inventory, polls, downloads and verifies, and hands
 * over. Several may run in one process, each with a data directory of its own.
 *
 * @example
 * ```ts ignore
 * import { MenderClient } from "mender-deno";
 *
 * const client = await MenderClient.start({
 *   onDeployment: async ({ artifactPath, signal }) => await install(artifactPath, signal),
 * });
 * for await (const event of client.events()) console.log(event);
 * ```
 */
export class MenderClient {
  readonly #events: ClientEvents;
  readonly #daemon: Daemon;
  readonly #device: Device;
  readonly #instance: SocketListener;
  readonly #application: ApplicationHandoff | undefined;
  readonly #stop: AbortController;
  readonly #running: Promise<void>;
  #closing: Promise<void> | undefined;

  /** {@link close}, where the runtime has `Symbol.asyncDispose`. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  /**
   * Starts a client. Whoever subscribes to its events right away misses none.
   *
   * @throws {ConfigError} The configuration cannot be used; `config.missing-server`.
   * @throws {InstanceError} `daemon.already-running`: a daemon, or another client, has the data directory.
   * @throws {StoreError} The data directory cannot be made or used.
   */
  static async start(options: MenderClientOptions = {}): Promise<MenderClient> {
    const drivers = await hostDrivers();
    const { root, dataDirectory, configFile, settings, identity, logger: given } = options;
    const paths = wellKnownPaths({
      ...(root !== undefined && { root }),
      ...(dataDirectory !== undefined && { data: dataDirectory }),
      ...(configFile !== undefined && { config: configFile }),
    });
    const redactor = new Redactor();
    const sinks: LogSink[] = given === undefined ? [] : [reportTo(given)];
    const logger = logTo(sinks, redactor, drivers.clock);
    const explicit = { main: configFile !== undefined };
    const config = loadConfig({ files: drivers.files, paths, explicit, settings, logger });
    prepareDataDirectory(drivers.files, paths.dataDirectory);
    const events = new ClientEvents(drivers.clock);
    const stop = new AbortController();
    let control: ControlHandler | undefined;
    const instance = await guardInstance(drivers, paths.controlSocket, {
      role: "daemon",
      pid: drivers.self.pid,
      handler: (request) => control?.(request) ?? STARTING,
      logger,
      signal: stop.signal,
    });
    try {
      const { outcomes } = deploymentFiles(drivers.files, paths, logger);
      const { onDeployment, onResume } = options;
      const application = onDeployment === undefined ? undefined : new ApplicationHandoff({
        onDeployment,
        onResume,
        files: drivers.files,
        clock: drivers.clock,
        random: drivers.random.next,
        artifactPath: paths.artifactFile,
        outcomes,
        logger,
        announce: (id, status) => announce(daemon, id, status),
        onOutcome: (id) => void deliver(daemon, id, logger),
      });
      const device = await Device.open({
        drivers,
        paths,
        config,
        logger,
        loggerWith: (sink) => logTo([...sinks, sink], redactor, drivers.clock),
        redactor,
        application,
        identity: identity &&
          new Map(Object.entries(identity).map(([key, value]) => [key, [value]])),
        onEvent: events.take,
      });
      const daemon: Daemon = new Daemon({
        device,
        clock: drivers.clock,
        random: drivers.random,
        logger,
        ...pacesOf(config),
        firstContactSpreadMs: config.firstContactSpreadMs,
        isStaying: true,
        onEvent: events.take,
      });
      control = daemonHandler(daemon, events);
      return new MenderClient({ drivers, events, daemon, device, instance, application, stop });
    } catch (error) {
      await instance.close();
      throw error;
    }
  }

  private constructor(parts: {
    readonly drivers: Drivers;
    readonly events: ClientEvents;
    readonly daemon: Daemon;
    readonly device: Device;
    readonly instance: SocketListener;
    readonly application: ApplicationHandoff | undefined;
    readonly stop: AbortController;
  }) {
    this.#events = parts.events;
    this.#daemon = parts.daemon;
    this.#device = parts.device;
    this.#instance = parts.instance;
    this.#application = parts.application;
    this.#stop = parts.stop;
    closeOnDispose(this, () => this.close());
    // In a turn of its own: the caller may subscribe before anything happens.
    this.#running = new Promise<void>((resolve) => parts.drivers.clock.after(0, resolve))
      .then(() => this.#daemon.run(this.#stop.signal))
      .then(() => {}, (error) => {
        if (!(error instanceof Closed)) throw error;
      })
      .finally(() => this.#events.end());
    this.#running.catch(() => {}); // told by close
  }

  /** How it stands: access, polls, the deployment in progress, the last failure. */
  status(): DaemonStatus {
    return statusOf(this.#daemon, this.#events);
  }

  /**
   * What happens from now on, for any number of readers; ends when the client is closed. A reader that
   * does not keep up loses the oldest events and is told how many; it holds up nobody.
   */
  events(): AsyncIterableIterator<ClientEvent> {
    return this.#events.subscribe();
  }

  /** Asks for a deployment as soon as nothing else is being done. */
  checkUpdate(): void {
    this.#daemon.checkUpdate();
  }

  /** Sends the inventory as soon as nothing else is being done. */
  sendInventory(): void {
    this.#daemon.sendInventory();
  }

  /**
   * Stops, in order, and lets go of everything. A download goes on at the next start; an installation has
   * its signal aborted and 30 s to end, and is resumed then. Further calls do the same.
   *
   * @throws {HandoffError} `handoff.still-running`: the installation does not end; all else is closed.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#stop.abort(new Closed());
    const failures: unknown[] = [];
    const attempt = async (work: () => Promise<void> | void): Promise<void> => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    await attempt(() => this.#running);
    await attempt(() => this.#application?.close(CLOSE_WITHIN_MS));
    await attempt(() => this.#device.close());
    await attempt(() => this.#instance.close());
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, "Cannot close the client in order");
  }
}

async function announce(
  daemon: Daemon,
  deploymentId: string,
  status: AnnouncedStatus,
): Promise<"accepted" | "gone" | "recorded"> {
  try {
    return await daemon.perform((device, signal) => device.announce(deploymentId, status, signal));
  } catch (error) {
    // The record has it, and the server is told later.
    if (isMenderError(error, "api.") || isMenderError(error, "auth.")) return "recorded";
    throw error;
  }
}

async function deliver(daemon: Daemon, deploymentId: string, logger: Logger): Promise<void> {
  try {
    await daemon.deliverReport(deploymentId);
  } catch (error) {
    // It is recorded: the next look at the deployment delivers it, or the next start.
    logger.log("debug", "The outcome is delivered later", {}, error);
  }
}
