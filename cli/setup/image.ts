import { dirname, join } from "../../lib/core/posix_path.ts";
import { readText } from "../../lib/runtime/files/file_driver.ts";
import { storeFailure } from "../../lib/store/store_failure.ts";
import type { CommandContext } from "../command_context.ts";
import { MARK } from "./service_files.ts";

/** The root of the files of a device: `/`, or where its image lies. */
export function rootOf({ paths }: Pick<CommandContext, "paths">): string {
  return dirname(dirname(dirname(paths.mainConfig)));
}

/** What stands in a file of the device; `undefined` when there is none. Throws a {@link StoreError}. */
export function textOf(
  { drivers: { files }, paths }: Pick<CommandContext, "drivers" | "paths">,
  path: string,
): string | undefined {
  const place = join(rootOf({ paths }), path);
  try {
    return readText(files, place, 1 << 20, { follow: true });
  } catch (error) {
    throw storeFailure("read", place, error);
  }
}

/** Whether somebody else has written a file of the device. */
export function isForeign(
  context: Pick<CommandContext, "drivers" | "paths">,
  path: string,
): boolean {
  const text = textOf(context, path);
  return text !== undefined && !text.includes(MARK);
}
