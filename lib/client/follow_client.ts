import { wellKnownPaths } from "../config/mod.ts";
import { followControl, type FollowedLine } from "../daemon/control/follow_control.ts";
import { hostDrivers } from "../runtime/host.ts";

/** Which client is followed. */
export interface FollowClientOptions {
  /** Every default path lies under this directory; `/` when absent. */
  readonly root?: string;
  /** State directory of the client; `/var/lib/mender` below `root` when absent. */
  readonly dataDirectory?: string;
  /** Ends it, with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Follows a client that runs in another process, the daemon or a {@link MenderClient}: first how it
 * stands, then each event, until that client ends or the loop is left.
 *
 * @throws {ControlError} `control.nobody`: none runs; `control.busy`: it is starting, or only a `report`
 * runs; `control.too-many-followers`.
 * @throws {StoreError} `store.denied`: this user may not ask.
 */
export async function* followClient(
  options: FollowClientOptions = {},
): AsyncGenerator<FollowedLine, void> {
  const { root, dataDirectory, signal } = options;
  const { controlSocket } = wellKnownPaths({
    ...(root !== undefined && { root }),
    ...(dataDirectory !== undefined && { data: dataDirectory }),
  });
  yield* followControl(
    await hostDrivers(),
    controlSocket,
    signal ?? new AbortController().signal,
  );
}
