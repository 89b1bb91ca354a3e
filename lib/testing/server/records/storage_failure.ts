import { errnoOf } from "../../../runtime/files/file_driver.ts";
import { ServerRefusal } from "../refusal.ts";

/**
 * Runs a step that writes to the server's directory.
 *
 * @throws {ServerRefusal} `server.no-space` when the disk or the quota is full; any other failure
 * passes as it is.
 */
export function storing<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "ENOSPC" && errno !== "EDQUOT") throw error;
    throw new ServerRefusal("server.no-space", "no space left in the directory of the server", {
      cause: error,
    });
  }
}
