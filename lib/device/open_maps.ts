import type { Config, Paths } from "../config/mod.ts";
import { LivePool } from "../control/live_pool.ts";
import { isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Drivers } from "../runtime/drivers.ts";
import { ControlMapsFile } from "../store/control_maps_file.ts";

/**
 * The Update Control Maps of this device, with those that were set before the start. What cannot be
 * understood is set aside.
 *
 * @throws {StoreError} They cannot be read.
 */
export function openMaps(
  { files, clock }: Pick<Drivers, "files" | "clock">,
  paths: Paths,
  config: Pick<Config, "mapLifeMs" | "mapBootLifeMs">,
  logger: Logger,
): LivePool {
  const file = new ControlMapsFile(files, paths.controlMaps, logger);
  const options = {
    clock,
    lifeMs: config.mapLifeMs,
    bootLifeMs: config.mapBootLifeMs,
    store: (text: string | undefined) => file.write(text),
  };
  try {
    return new LivePool({ ...options, stored: file.read() });
  } catch (error) {
    if (!isMenderError(error, "control.bad-pool")) throw error;
    file.setAside(error);
    return new LivePool(options);
  }
}
