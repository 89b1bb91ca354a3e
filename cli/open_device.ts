import { Device, type OpenDeviceOptions } from "../lib/device/device.ts";
import type { Config } from "../lib/config/mod.ts";
import type { CommandContext } from "./command_context.ts";

/** Opens the device of a command line; `told` learns what happens to it, and `maps` outlive it. */
export function openDevice(
  context: CommandContext,
  config: Config,
  told: Pick<OpenDeviceOptions, "onEvent" | "onStanding" | "maps"> = {},
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
    ...told,
  });
}
