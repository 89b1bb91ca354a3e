import type { Authorization } from "../api/device_session.ts";

/**
 * Where the remote terminal has its token from: the device's own key, or a program on the device that
 * authenticates for it.
 */
export interface TokenSource {
  /**
   * What is to be used now; `undefined` while the device is not authorised, which {@link changes} tells
   * the end of.
   *
   * Rejects when it cannot be had; it is asked again later.
   */
  current(signal: AbortSignal): Promise<Authorization | undefined>;
  /** The server does not take this one: {@link current} shall not give it again. */
  refused(authorization: Authorization): void;
  /**
   * Each change, as it comes. `undefined`: the device is not authorised any more, so that all sessions
   * have to end; another token or server: the connection is made anew. Without an end.
   */
  readonly changes: AsyncIterable<Authorization | undefined>;
}

/** What authenticates with the device's key: `DeviceSession`, and `Device`. */
export interface KeyAuthorizer {
  /** The token at hand, or a new one. */
  authorize(signal?: AbortSignal): Promise<Authorization>;
  /** Forgets the token at hand. */
  forget(): void;
}

/** Tokens that the device's key gets. Nothing changes by itself: the server says so with 401. */
export function keyTokens(authorizer: KeyAuthorizer): TokenSource {
  let lastRefused = "";
  return {
    async current(signal) {
      const authorization = await authorizer.authorize(signal);
      if (authorization.token !== lastRefused) return authorization;
      authorizer.forget();
      return await authorizer.authorize(signal);
    },
    refused: ({ token }) => void (lastRefused = token),
    changes: { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) },
  };
}
