import { BusError } from "../core/errors.ts";
import { EventStream } from "../core/event_stream.ts";
import type { BusConnection } from "./bus_connection.ts";
import {
  AUTHENTICATION_MANAGER,
  FETCH_JWT_TOKEN,
  GET_JWT_TOKEN,
  JWT_TOKEN_STATE_CHANGE,
} from "./mender_names.ts";

/** The device's token, and where to use it. */
export interface JwtToken {
  /** Token; a secret. */
  readonly token: string;
  /** Server, or the client's own forwarder on loopback. */
  readonly serverUrl: string;
}

/** `io.mender.AuthenticationManager` as its callers see it. */
export class AuthenticationManagerClient {
  readonly #bus: BusConnection;

  /** Talks over a connection, which stays with its owner. */
  constructor(bus: BusConnection) {
    this.#bus = bus;
  }

  /**
   * The token that the client has; it does not ask the server.
   *
   * @returns `undefined` while the device is not authorised.
   * @throws {BusError} See {@link BusConnection.call}.
   */
  async getJwtToken(signal?: AbortSignal): Promise<JwtToken | undefined> {
    const what = "get the device's token";
    return tokenIn(await this.#bus.call(GET_JWT_TOKEN, { what, signal }), what);
  }

  /**
   * Has the client authenticate anew. The result arrives at {@link tokenChanges}.
   *
   * @returns Whether the client is going to try.
   * @throws {BusError} See {@link BusConnection.call}.
   */
  async fetchJwtToken(signal?: AbortSignal): Promise<boolean> {
    const [isScheduled] = await this.#bus.call(FETCH_JWT_TOKEN, {
      what: "have the device authenticated",
      signal,
    });
    return isScheduled === true;
  }

  /**
   * The token after each attempt of the client to get one, the same one again included; `undefined` when
   * the device is not authorised. Listening has begun when the promise settles.
   *
   * Reading throws a {@link BusError} when the connection is lost.
   */
  async tokenChanges(): Promise<AsyncIterableIterator<JwtToken | undefined>> {
    const what = "hear of new tokens";
    const changes = new EventStream<JwtToken | undefined>();
    const reader = changes.subscribe();
    void this.#bus.lost.then((error) => changes.end(error));
    await this.#bus.onSignal(JWT_TOKEN_STATE_CHANGE, what, (body) => {
      try {
        changes.push(tokenIn(body, what));
      } catch (error) {
        changes.end(error);
      }
    });
    return reader;
  }
}

function tokenIn(body: readonly unknown[], what: string): JwtToken | undefined {
  const [token, serverUrl] = body;
  if (typeof token !== "string" || typeof serverUrl !== "string") {
    throw new BusError("bus.bad-answer", `Cannot ${what}: wanted two texts`, {
      hint: `Whoever owns ${AUTHENTICATION_MANAGER.service} is no Mender client`,
    });
  }
  return token === "" || serverUrl === "" ? undefined : { token, serverUrl };
}
