import { BusConnection, NAME_FLAGS } from "../../lib/dbus/bus_connection.ts";
import { MESSAGE_TYPE } from "../../lib/dbus/bus_library.ts";
import { serveObject } from "../../lib/dbus/bus_object.ts";
import { AUTHENTICATION_MANAGER, JWT_TOKEN_STATE_CHANGE } from "../../lib/dbus/mender_names.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";

/** Token and server, both empty while the device is not authorised. */
export type TokenPair = readonly [token: string, serverUrl: string];

/** A client of a test that offers `io.mender.AuthenticationManager` on a bus. */
export class ScriptedAuthenticator {
  /** Calls of FetchJwtToken so far. */
  fetches = 0;
  /** What FetchJwtToken leads to. */
  onFetch = (): void => {};
  readonly #bus: BusConnection;
  #pair: TokenPair;

  private constructor(bus: BusConnection, pair: TokenPair) {
    this.#bus = bus;
    this.#pair = pair;
  }

  /** Starts it with what it knows, perhaps with further names. */
  static async start(
    address: string,
    pair: TokenPair,
    names: readonly string[] = [],
  ): Promise<ScriptedAuthenticator> {
    const bus = await BusConnection.open(address, { clock: systemClock });
    const made = new ScriptedAuthenticator(bus, pair);
    serveObject(bus, {
      path: AUTHENTICATION_MANAGER.path,
      interface: AUTHENTICATION_MANAGER.interface,
      errorName: "io.mender.Failed",
      methods: {
        GetJwtToken: {
          takes: {},
          answers: { token: "s", server_url: "s" },
          run: () => made.#pair,
        },
        FetchJwtToken: {
          takes: {},
          answers: { success: "b" },
          run: () => {
            made.fetches++;
            made.onFetch();
            return [true];
          },
        },
      },
    });
    const flags = NAME_FLAGS.allowReplacement + NAME_FLAGS.replaceExisting;
    for (const name of [AUTHENTICATION_MANAGER.service, ...names]) {
      await bus.requestName(name, flags);
    }
    return made;
  }

  /** What it knows from now on, told or not. */
  know(pair: TokenPair, isTold = true): void {
    this.#pair = pair;
    if (!isTold) return;
    const { path, interface: name, member } = JWT_TOKEN_STATE_CHANGE;
    this.#bus.send({
      type: MESSAGE_TYPE.signal,
      path,
      interface: name,
      member,
      signature: "ss",
      body: pair,
    });
  }

  /** Ends it; its name is free then. */
  async stop(): Promise<void> {
    this.#bus.close();
    await this.#bus.lost;
  }
}
