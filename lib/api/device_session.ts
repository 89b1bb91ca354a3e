import {
  ApiError,
  AuthError,
  causeChain,
  isMenderError,
  type MenderError,
  type RetryAdvice,
} from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { DeviceKey } from "../keys/mod.ts";
import { type LimitClock, limitClock } from "../runtime/call_limits.ts";
import type { Clock } from "../runtime/clock.ts";
import type { HttpDriver } from "../runtime/http/http_driver.ts";
import { authenticationRequest } from "./authentication_request.ts";
import { type ApiAnswer, type ApiRequest, exchange } from "./exchange.ts";
import { refusal } from "./refusal.ts";

/** Time limit of one call of the Device API. */
const CALL_LIMIT_MS = 60_000;

/** Statuses by which a gateway says that there is nobody behind it. */
const AWAY: readonly number[] = [502, 503, 504];

const TOKEN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;

/** What a device authenticates with. */
export interface DeviceCredentials {
  /** Key that signs the request. */
  readonly key: DeviceKey;
  /** Identity as JSON text, as `encodeIdentity` makes it. */
  readonly identity: string;
}

/** What a {@link DeviceSession} stands on. */
export interface DeviceSessionOptions {
  /** Client for the Device API. */
  readonly http: HttpDriver;
  /** Time. */
  readonly clock: Clock;
  /** Where what happens is written. */
  readonly logger: Logger;
  /** Addresses of the servers, without a final slash, in order of preference. */
  readonly servers: readonly string[];
  /** Tenant of a hosted server. */
  readonly tenantToken: string | undefined;
  /** Gives key and identity; asked at each authentication, so that a repair takes effect. */
  readonly credentials: (signal?: AbortSignal) => Promise<DeviceCredentials>;
  /** Told each new token, so that it can be kept out of logs. */
  readonly onToken?: ((token: string) => void) | undefined;
  /**
   * Told the standing after each attempt to get a token, and when the server takes the token no longer:
   * the last token that no server has refused, or `undefined`.
   */
  readonly onStanding?: ((authorization: Authorization | undefined) => void) | undefined;
}

/** What lets a device speak to a server. */
export interface Authorization {
  /** The token; a secret. */
  readonly token: string;
  /** Address of the server, without a final slash. */
  readonly serverUrl: string;
}

/** One call under the session's token; the path begins with `/api/devices/`. */
export type SessionCall = Omit<ApiRequest, "url"> & {
  /** Path and query, below the server's address. */
  readonly path: string;
};

/**
 * The device's standing with its server: the token (in memory only), the server it is for, and calls
 * under it. A token that the server no longer takes is replaced once per call.
 */
export class DeviceSession {
  readonly #options: DeviceSessionOptions;
  readonly #limits: LimitClock;
  #token: string | undefined;
  #server: string | undefined;
  /** Outlives failures of the network: nobody has said that it is not good any more. */
  #standing: Authorization | undefined;

  /** Makes a session that is not authorised yet; nothing is sent. */
  constructor(options: DeviceSessionOptions) {
    this.#options = options;
    this.#limits = limitClock(options.clock);
  }

  /** Lets go of the timer for time limits. */
  close(): void {
    this.#limits.stop();
  }

  /** Whether a token is at hand; whether the server still takes it shows at the next call. */
  get isAuthorized(): boolean {
    return this.#token !== undefined;
  }

  /** The server that gave the token. */
  get server(): string | undefined {
    return this.#server;
  }

  /**
   * The token that is at hand and the server that gave it; authenticates when there is none.
   *
   * @throws What {@link authenticate} throws.
   */
  async authorize(signal?: AbortSignal): Promise<Authorization> {
    if (this.#token === undefined) await this.authenticate(signal);
    return { token: this.#token!, serverUrl: this.#server! };
  }

  /** Forgets the token; the next call authenticates first. */
  forget(): void {
    this.#token = undefined;
    this.#tell(undefined);
  }

  /**
   * Asks the servers, in order and from the first on, for a token; the first that gives one serves all
   * further calls, until the next authentication. Those that had to be passed over are told.
   *
   * @throws {AuthError} `auth.unauthorized`: pending, rejected or unknown there; the device can not
   * tell these apart and just asks again later. `auth.bad-answer`: no token in the answer.
   * @throws What `credentials` throws.
   * @throws {ApiError} The server could not be reached or failed. With several servers the message has
   * the reason of each, and the cause is an `AggregateError` with one error each.
   * @see client-behaviour, device-api section 1: as mender 3.4 goes through its `Servers`
   */
  async authenticate(signal?: AbortSignal): Promise<void> {
    try {
      await this.#authenticate(signal);
      this.#tell({ token: this.#token!, serverUrl: this.#server! });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      this.#tell(isMenderError(error, "auth.unauthorized") ? undefined : this.#standing);
      throw error;
    }
  }

  async #authenticate(signal?: AbortSignal): Promise<void> {
    this.#token = undefined;
    const credentials = await this.#options.credentials(signal);
    const failures: MenderError[] = [];
    for (const server of this.#options.servers) {
      try {
        this.#token = await this.#askForToken(server, credentials, signal);
        this.#server = server;
        this.#options.onToken?.(this.#token);
        this.#options.logger.log("info", "Authorised by the server", { server });
        for (const failure of failures) {
          this.#options.logger.log(
            "warning",
            "Another server stands in for one that comes before it",
            { server, code: failure.code },
            failure,
          );
        }
        return;
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (!isMenderError(error)) throw error;
        failures.push(error);
      }
    }
    throw allFailed(failures);
  }

  /**
   * Sends a call with the token, authenticating first when there is none. On 401, or 403 (an expired
   * token), a new token is asked for once and the same call sent once more.
   *
   * @returns The answer, whatever its status except 401 and 403.
   * @throws {AuthError} The new token was refused too, or there is none to be had.
   * @throws {ApiError} As {@link exchange}. With several servers the token is then forgotten, as it is
   * after 502, 503 and 504, so that the next call looks for one that answers. (mender 3.4 stays with a
   * server that is lost; to leave it is what the list is for.)
   */
  async call(call: SessionCall, signal?: AbortSignal): Promise<ApiAnswer> {
    if (this.#token === undefined) await this.authenticate(signal);
    let answer = await this.#send(call, signal);
    if (isUnauthorized(answer)) {
      await this.authenticate(signal);
      answer = await this.#send(call, signal);
    }
    if (!isUnauthorized(answer)) {
      if (AWAY.includes(answer.status)) this.#lookForAnother();
      return answer;
    }
    this.forget();
    throw refusal(
      `use the new token for ${call.method} ${call.path}`,
      answer,
      this.#options.clock.now(),
    );
  }

  #tell(standing: Authorization | undefined): void {
    this.#standing = standing;
    this.#options.onStanding?.(standing);
  }

  async #send(call: SessionCall, signal: AbortSignal | undefined): Promise<ApiAnswer> {
    const { http } = this.#options;
    const request: ApiRequest = {
      ...call,
      url: this.#server + call.path,
      headers: { ...call.headers, authorization: `Bearer ${this.#token}` },
    };
    try {
      return await exchange(http, this.#limits, request, { limitMs: CALL_LIMIT_MS, signal });
    } catch (error) {
      this.#lookForAnother();
      throw error;
    }
  }

  /** Only another authentication goes through the list of servers again. */
  #lookForAnother(): void {
    if (this.#options.servers.length > 1) this.#token = undefined;
  }

  async #askForToken(
    server: string,
    { key, identity }: DeviceCredentials,
    signal?: AbortSignal,
  ): Promise<string> {
    const { http, clock, tenantToken } = this.#options;
    const request = await authenticationRequest(server, key, identity, tenantToken);
    const answer = await exchange(http, this.#limits, request, {
      limitMs: CALL_LIMIT_MS,
      signal,
    });
    if (answer.status !== 200) throw refusal(`authenticate with ${server}`, answer, clock.now());
    const token = answer.text.trim();
    if (TOKEN.test(token)) return token;
    throw new AuthError(
      "auth.bad-answer",
      `Cannot authenticate with ${server}: it answered 200 without a token`,
      { hint: "Check that ServerURL is the address of a Mender server" },
    );
  }
}

/** The JSON body of a call, with its header. */
export function jsonBody(value: unknown): Pick<SessionCall, "headers" | "body"> {
  return {
    headers: { "content-type": "application/json" },
    body: new TextEncoder().encode(JSON.stringify(value)),
  };
}

function isUnauthorized(answer: ApiAnswer): boolean {
  return answer.status === 401 || answer.status === 403;
}

function allFailed(failures: MenderError[]): MenderError {
  const [first] = failures;
  if (first === undefined) {
    return new ApiError("api.no-server", "Cannot authenticate: no server is configured");
  }
  if (failures.length === 1) return first;
  // With its causes: which server refuses a connection, and which one is not found, shows there alone.
  const reasons = failures.map((failure) => causeChain(failure).join(": ")).join("; ");
  const cause = new AggregateError(failures, reasons);
  const message = `Cannot authenticate with any of ${failures.length} servers: ${reasons}`;
  const retry = earliestRetry(failures);
  const isRefused = failures.every((failure) => isMenderError(failure, "auth.unauthorized"));
  return isRefused
    ? new AuthError("auth.unauthorized", message, { cause, retry })
    : new ApiError("api.unreachable", message, { cause, retry });
}

/** All servers are asked again together: when all named a wait, the shortest counts. */
function earliestRetry(failures: readonly MenderError[]): RetryAdvice {
  let afterMs = Infinity;
  for (const { retry } of failures) {
    if (typeof retry !== "object") return "later";
    afterMs = Math.min(afterMs, retry.afterMs);
  }
  return { afterMs };
}
