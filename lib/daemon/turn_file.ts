import { basename, dirname, join } from "../core/posix_path.ts";
import type { Clock } from "../runtime/clock.ts";
import { sleep } from "../runtime/clock.ts";
import { errnoOf, type FileDriver } from "../runtime/files/file_driver.ts";

/** How long work under the turn can take; one that lies there for longer belongs to the dead. */
const STALE_AFTER_MS = 10_000;
const LOOK_EVERY_MS = 20;

/**
 * Does some short work on a path while no other process does it: a file beside it, `.<name>.turn`, says
 * whose turn it is. A turn that a dead process left is taken over after ten seconds.
 *
 * @throws The reason of `signal`, while it is another one's turn; what `work` throws, or the runtime's error when the file cannot be made.
 */
export async function inTurn<T>(
  files: FileDriver,
  clock: Clock,
  path: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const turn = join(dirname(path), `.${basename(path)}.turn`);
  let seen: string | undefined;
  let seenAt = clock.monotonic();
  while (!isMade(files, turn)) {
    const identity = files.stat(turn)?.identity;
    if (identity !== seen) [seen, seenAt] = [identity, clock.monotonic()];
    else if (clock.monotonic() - seenAt > STALE_AFTER_MS) files.remove(turn);
    await sleep(clock, LOOK_EVERY_MS, signal);
  }
  try {
    return await work();
  } finally {
    files.remove(turn);
  }
}

function isMade(files: FileDriver, path: string): boolean {
  try {
    files.open(path, "create").close();
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}
