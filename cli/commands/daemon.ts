import type { Config } from "../../lib/config/mod.ts";
import type { DeploymentEvent } from "../../lib/deployment/context.ts";
import { openMaps } from "../../lib/device/open_maps.ts";
import { prepareDataDirectory } from "../../lib/store/data_directory.ts";
import { ClientEvents } from "../../lib/daemon/client_events.ts";
import { daemonHandler } from "../../lib/daemon/control/daemon_handler.ts";
import type { ControlHandler } from "../../lib/daemon/control/serve_connection.ts";
import { Daemon } from "../../lib/daemon/daemon.ts";
import { Housekeeping } from "../../lib/daemon/housekeeping.ts";
import { SharedToken } from "../../lib/daemon/shared_token.ts";
import { Reloader } from "../../lib/daemon/reloader.ts";
import { ServiceNotifier } from "../../lib/daemon/service_notifier.ts";
import { phaseText, restText } from "../../lib/daemon/state_text.ts";
import { pacesOf } from "../../lib/daemon/paces.ts";
import { guardInstance } from "../../lib/daemon/instance_guard.ts";
import { collectGarbage } from "../../lib/runtime/collect_garbage.ts";
import { BusOffer } from "../bus_offer.ts";
import type { CommandContext } from "../command_context.ts";
import { Ending } from "../ending.ts";
import { Interrupted } from "../interrupted.ts";
import { openDevice } from "../open_device.ts";
import { isRemoteAccessOn } from "../remote_access.ts";
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
  const { drivers, paths, signal } = context;
  context.outliveTerminal();
  const config = context.loadConfig();
  prepareDataDirectory(drivers.files, paths.dataDirectory);
  const ending = new Ending();
  try {
    const running = await assemble(context, config, options, ending);
    const end = await running.run(signal);
    return end === "failed" ? 1 : 0;
  } catch (error) {
    // A service that is stopped has not failed.
    if (error instanceof Interrupted && error.signal === "SIGTERM") return 0;
    throw error;
  } finally {
    await ending.run();
  }
}

/** Puts everything together, from the lock that it holds to the signals that it hears. */
async function assemble(
  context: CommandContext,
  config: Config,
  { once, stay }: DaemonCommandOptions,
  ending: Ending,
): Promise<Daemon> {
  const { drivers, paths, logger, signal } = context;
  const events = new ClientEvents(drivers.clock);
  const control: { handler?: ControlHandler } = {};
  const instance = await guardInstance(drivers, paths.controlSocket, {
    role: "daemon",
    pid: drivers.self.pid,
    handler: (request) => control.handler?.(request) ?? STARTING,
    logger,
    signal,
  });
  ending.add(() => instance.close());
  ending.add(() => events.end());

  const notifier = new ServiceNotifier(drivers, logger);
  const housekeeping = new Housekeeping(collectGarbage);
  const print = progressPrinter(context);
  const token = new SharedToken({ authenticate: () => daemon.authenticate(), logger });
  const openWith = {
    // They outlive the device, which a new configuration replaces.
    maps: openMaps(drivers, paths, config, logger),
    onStanding: token.tell,
    onEvent: (event: DeploymentEvent): void => {
      housekeeping.worked();
      events.take(event);
      print(event);
      const text = phaseText(event);
      if (text !== undefined) notifier.tell(text);
    },
  };
  const daemon: Daemon = new Daemon({
    device: await openDevice(context, config, openWith),
    clock: drivers.clock,
    random: drivers.random,
    logger,
    ...pacesOf(config),
    firstContactSpreadMs: config.firstContactSpreadMs,
    onRest: (state) => {
      notifier.tell(restText(state));
      if (state.type === "polling") housekeeping.rest();
    },
    isOnce: once === true,
    isStaying: stay === true,
    isTokenShared: config.isBusEnabled && once !== true,
    onEvent: events.take,
  });
  ending.add(() => daemon.device.close());
  control.handler = daemonHandler(daemon, events);

  const offer = new BusOffer(context, { maps: openWith.maps, token });
  ending.add(() => offer.end());
  const offerOnBus = (next: Config): void => offer.enable(next.isBusEnabled && once !== true);
  offerOnBus(config);
  const reloader = new Reloader({
    daemon,
    load: () => context.loadConfig(),
    open: (next) => openDevice(withoutForce(context), next, openWith),
    onEffect: offerOnBus,
    self: drivers.self,
    notifier,
    logger,
  });
  // As in the other Mender clients.
  drivers.signals.on("SIGUSR1", () => daemon.checkUpdate());
  drivers.signals.on("SIGUSR2", () => daemon.sendInventory());
  drivers.signals.on("SIGHUP", () => void reloader.reload());
  if (once !== true && isRemoteAccessOn(context)) {
    const { keepTerminalChild } = await import("../terminal_child.ts");
    const isOver = new AbortController();
    const terminal = keepTerminalChild(context, isOver.signal);
    ending.add(() => (isOver.abort(), terminal));
  }
  ending.add(() => notifier.stopping());
  notifier.ready();
  return daemon;
}

/** A new key is made once, not at each reading of the configuration. */
function withoutForce(context: CommandContext): CommandContext {
  return { ...context, options: { ...context.options, forcebootstrap: undefined } };
}
