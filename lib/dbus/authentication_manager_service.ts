import type { JwtToken } from "./authentication_manager_client.ts";
import type { BusConnection } from "./bus_connection.ts";
import { MESSAGE_TYPE } from "./bus_library.ts";
import { serveObject } from "./bus_object.ts";
import { AUTHENTICATION_MANAGER, FAILED_ERROR, JWT_TOKEN_STATE_CHANGE } from "./mender_names.ts";
import { type NameOptions, OwnedName } from "./owned_name.ts";

/** Gives tokens to callers. The messages of what its methods throw are told to them. */
export interface AuthenticationHandler {
  /** The token that is known; the server is not asked. */
  current(): JwtToken | undefined;
  /** Has the device authenticate, without waiting for it. */
  fetch(): void;
  /**
   * Calls back after each attempt to get a token, the same token again included.
   *
   * @returns Ends it.
   */
  follow(follower: (token: JwtToken | undefined) => void): () => void;
}

/**
 * Offers `io.mender.AuthenticationManager` on a connection, for as long as it lives. It takes the name, and
 * gives way, as `serveUpdateManager` does.
 *
 * @returns Whether the name is ours at once.
 * @throws {BusError} `bus.access-denied`: this user may not own the name.
 * @see contracts/dbus.md section 1 and section 6
 */
export function serveAuthenticationManager(
  bus: BusConnection,
  handler: AuthenticationHandler,
  options: NameOptions = {},
): Promise<boolean> {
  const { service, path, interface: name } = AUTHENTICATION_MANAGER;
  const owned = new OwnedName(bus, service);
  const pair = { token: "s", server_url: "s" };
  serveObject(bus, {
    path,
    interface: name,
    errorName: FAILED_ERROR,
    methods: {
      GetJwtToken: { takes: {}, answers: pair, run: () => pairOf(handler.current()) },
      FetchJwtToken: {
        takes: {},
        answers: { success: "b" },
        run() {
          handler.fetch();
          return [true];
        },
      },
    },
    signals: { [JWT_TOKEN_STATE_CHANGE.member]: pair },
  }, () => owned.isOurs);
  const leave = handler.follow((token) => {
    // Who has the name now tells tokens of its own.
    if (!owned.isOurs) return;
    bus.send({
      type: MESSAGE_TYPE.signal,
      path,
      interface: name,
      member: JWT_TOKEN_STATE_CHANGE.member,
      signature: "ss",
      body: pairOf(token),
    });
  });
  void bus.lost.then(leave);
  return owned.request(options);
}

function pairOf(token: JwtToken | undefined): [token: string, serverUrl: string] {
  return token === undefined ? ["", ""] : [token.token, token.serverUrl];
}
