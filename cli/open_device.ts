import { Device } from "../lib/device/device.ts";
import type { Config } from "../lib/config/mod.ts";
import type { DeploymentEvent } from "../lib/deployment/context.ts";
import type { CommandContext } from "./command_context.ts";

/** Opens the device of a command line. */
export function openDevice(
  context: CommandContext,
  config: Config,
  onEvent?: (event: DeploymentEvent) => void,
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
  });
}
