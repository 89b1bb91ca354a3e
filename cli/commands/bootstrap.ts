import { loadOrCreateKey } from "../../lib/keys/mod.ts";
import { prepareDataDirectory } from "../../lib/store/data_directory.ts";
import type { CommandContext } from "../command_context.ts";

/** Makes the device key, or checks the one there is. Nothing is sent. */
export async function bootstrap(context: CommandContext): Promise<number> {
  const { drivers, paths, logger, options } = context;
  const config = context.loadConfig();
  prepareDataDirectory(drivers.files, paths.dataDirectory);
  const path = config.authPrivateKeyFile ?? paths.key;
  const key = await loadOrCreateKey({
    files: drivers.files,
    path,
    uid: drivers.self.uid,
    isStatic: config.authPrivateKeyFile !== undefined,
    force: options.forcebootstrap === true,
    logger,
  });
  logger.log("info", `The device key is ready (${key.kind}): ${path}`);
  return 0;
}
