import type { Device } from "../../lib/device/device.ts";
import type { DeploymentEvent } from "../../lib/deployment/context.ts";
import { openMaps } from "../../lib/device/open_maps.ts";
import { prepareDataDirectory } from "../../lib/store/data_directory.ts";
import { ClientEvents } from "../../lib/daemon/client_events.ts";
import { daemonHandler } from "../../lib/daemon/control/daemon_handler.ts";
import type { ControlHandler } from "../../lib/daemon/control/serve_connection.ts";
import { Daemon } from "../../lib/daemon/daemon.ts";
import { SharedToken } from "../../lib/daemon/shared_token.ts";
import { Reloader } from "../../lib/daemon/reloader.ts";
import { ServiceNotifier } from "../../lib/daemon/service_notifier.ts";
import { phaseText, restText } from "../../lib/daemon/state_text.ts";
import { guardInstance } from "../../lib/daemon/instance_guard.ts";
import type { SocketListener } from "../../lib/runtime/socket_driver.ts";
import { BusOffer, mapService, tokenService } from "../bus_offer.ts";
import type { CommandContext } from "../command_context.ts";
import { Interrupted } from "../interrupted.ts";
import { openDevice } from "../open_device.ts";
import { keepTerminalChild } from "../terminal_child.ts";
import { progressPrinter } from "../progress.ts";

/** Whoever asks in the first moments asks again. */
const STARTING = { ok: false, code: "control.busy", message: "The daemon is starting" } as const;

/** Options of `daemon`. */
export interface DaemonCommandOptions {
  readonly once?: true | undefined;
  readonly stay?: true | undefined;
}

/** Runs the daemon until a hand-off, the end of one round, or a signal. */
export async function daemon(
  context: CommandContext,
  options: DaemonCommandOptions,
): Promise<number> {
  const { drivers, paths, logger, signal } = context;
  context.outliveTerminal();
  const config = context.loadConfig();
  prepareDataDirectory(drivers.files, paths.dataDirectory);
  const events = new ClientEvents(drivers.clock);
  let control: ControlHandler | undefined;
  let instance: SocketListener | undefined;
  let device: Device | undefined;
  let running: Daemon | undefined;
  const children = new AbortController();
  let terminal: Promise<void> | undefined;
  let offer: BusOffer | undefined;
  const notifier = new ServiceNotifier(drivers, logger);
  try {
    instance = await guardInstance(drivers, paths.controlSocket, {
      role: "daemon",
      pid: drivers.self.pid,
      handler: (request) => control?.(request) ?? STARTING,
      logger,
      signal,
    });
    const print = progressPrinter(context);
    // They outlive the device, which a new configuration replaces.
    const maps = openMaps(drivers, paths, config, logger);
    const onEvent = (event: DeploymentEvent): void => {
      events.take(event);
      print(event);
      const text = phaseText(event);
      if (text !== undefined) notifier.tell(text);
    };
    const token = new SharedToken({ authenticate: () => running!.authenticate(), logger });
    const told = { onEvent, onStanding: token.tell, maps };
    device = await openDevice(context, config, told);
    const serving = running = new Daemon({
      device,
      clock: drivers.clock,
      random: drivers.random,
      logger,
      updatePollMs: config.updatePollMs,
      inventoryPollMs: config.inventoryPollMs,
      retryPollMs: config.retryPollMs,
      firstContactSpreadMs: config.firstContactSpreadMs,
      onRest: (state) => notifier.tell(restText(state)),
      isOnce: options.once === true,
      isStaying: options.stay === true,
      isTokenShared: config.isBusEnabled && options.once !== true,
      onEvent: events.take,
    });
    control = daemonHandler(serving, events);
    // As in the other Mender clients.
    drivers.signals.on("SIGUSR1", () => serving.checkUpdate());
    drivers.signals.on("SIGUSR2", () => serving.sendInventory());
    const reloader = new Reloader({
      daemon: serving,
      load: () => context.loadConfig(),
      open: (next) => openDevice(withoutForce(context), next, told),
      onEffect: (next) => offer?.enable(next.isBusEnabled),
      self: drivers.self,
      notifier,
      logger,
    });
    drivers.signals.on("SIGHUP", () => void reloader.reload());
    if (options.once !== true) {
      offer = new BusOffer(context, [mapService(maps), tokenService(token)]);
    }
    offer?.enable(config.isBusEnabled);
    if (options.once !== true) terminal = keepTerminalChild(context, children.signal);
    notifier.ready();
    const end = await serving.run(signal);
    return end === "failed" ? 1 : 0;
  } catch (error) {
    // A service that is stopped has not failed.
    if (error instanceof Interrupted && error.signal === "SIGTERM") return 0;
    throw error;
  } finally {
    events.end();
    children.abort();
    await notifier.stopping();
    (running?.device ?? device)?.close();
    await offer?.end();
    await instance?.close();
    await terminal;
  }
}

/** A new key is made once, not at each reading of the configuration. */
function withoutForce(context: CommandContext): CommandContext {
  return { ...context, options: { ...context.options, forcebootstrap: undefined } };
}
