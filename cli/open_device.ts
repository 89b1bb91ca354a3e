import { Device } from "../lib/device/device.ts";
import type { Config } from "../lib/config/mod.ts";
import type { LivePool } from "../lib/control/live_pool.ts";
import type { DeploymentEvent } from "../lib/deployment/context.ts";
import type { CommandContext } from "./command_context.ts";

/** What a device is opened with, beside the command line. */
export interface OpenedWith {
  /** Told the progress of deployments. */
  readonly onEvent?: ((event: DeploymentEvent) => void) | undefined;
  /** Update Control Maps that outlive the device. */
  readonly maps?: LivePool | undefined;
}

/** Opens the device of a command line. */
export function openDevice(
  context: CommandContext,
  config: Config,
  { onEvent, maps }: OpenedWith = {},
): Promise<Device> {
  const { drivers, paths, logger, loggerWith, redactor, options } = context;
  return Device.open({
    drivers,
    paths,
    config,
    logger,
    loggerWith,
    redactor,
    isForced: options.forcebootstrap === true,
    ...(onEvent && { onEvent }),
    ...(maps && { maps }),
  });
}
