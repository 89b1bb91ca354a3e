import { loadConnectConfig } from "../lib/config/mod.ts";
import { silentLogger } from "../lib/core/logger.ts";
import type { CommandContext } from "./command_context.ts";

/** Whether mender-connect.conf asks for anything. What is wrong with the file, the terminal itself tells. */
export function isRemoteAccessOn({ drivers, paths }: CommandContext): boolean {
  try {
    const { enabled } = loadConnectConfig({ files: drivers.files, paths, logger: silentLogger });
    return Object.values(enabled).some((isOn) => isOn);
  } catch {
    return false;
  }
}
