import type { Authorization } from "../api/device_session.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { AuthenticationHandler } from "../dbus/mod.ts";

/** What a {@link SharedToken} stands on. */
export interface SharedTokenOptions {
  /** Authenticates the device anew; a failure is told by itself. Rejects when nobody does it any more. */
  authenticate(): Promise<void>;
  /** Where what happens is told. */
  readonly logger: Logger;
}

/**
 * The device's token as other programs of the device get it: the last one that no server has refused, and
 * all that is told of the standing from then on. It outlives the device that it comes from.
 *
 * @see contracts/dbus.md section 1
 */
export class SharedToken implements AuthenticationHandler {
  readonly #options: SharedTokenOptions;
  readonly #followers = new Set<(token: Authorization | undefined) => void>();
  #token: Authorization | undefined;
  #isFetching = false;

  /** Nothing is known yet. */
  constructor(options: SharedTokenOptions) {
    this.#options = options;
  }

  /** The token that is known; the server is not asked. */
  current(): Authorization | undefined {
    return this.#token;
  }

  /** Has the device authenticate anew; whoever asks meanwhile gets the same result. */
  fetch(): void {
    if (this.#isFetching) return;
    this.#isFetching = true;
    const { authenticate, logger } = this.#options;
    logger.log("debug", "Another program asks for a new token");
    authenticate().catch((error) => {
      logger.log("debug", `No new token for another program: ${messageOf(error)}`);
    }).finally(() => this.#isFetching = false);
  }

  /** Takes the standing, and tells it on; the same again included. */
  readonly tell = (token: Authorization | undefined): void => {
    this.#token = token;
    for (const follower of this.#followers) follower(token);
  };

  /**
   * Calls back with what is told from now on.
   *
   * @returns Ends it.
   */
  follow(follower: (token: Authorization | undefined) => void): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }
}
