/**
 * Remote access to the device: a WebSocket to the server, and over it terminals, files, ports and wake-up
 * calls. Nothing here starts by itself; whoever composes it says which of them are switched on.
 *
 * @module
 */
import type { Authorization } from "../api/device_session.ts";
import type { ConnectConfig } from "../config/mod.ts";
import { backoffSchedule } from "../core/backoff_schedule.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { sleep } from "../runtime/clock.ts";
import type { Drivers } from "../runtime/drivers.ts";
import type { HttpDriverOptions } from "../runtime/http/http_driver.ts";
import { explainTransportFailure } from "../runtime/http/transport_failure.ts";
import { onAbort } from "../runtime/on_abort.ts";
import {
  type WebSocketConnection,
  WebSocketRefusal,
} from "../runtime/websocket/websocket_driver.ts";
import { fileTransferHandlers } from "./file_transfer/file_transfer_handler.ts";
import { keepAlive } from "./keep_alive.ts";
import { type DaemonWaker, menderClientHandler } from "./mender_client.ts";
import { Outbox } from "./outbox.ts";
import { portForwardHandlers } from "./port_forward/port_forward_handler.ts";
import { PROTOCOLS } from "./protocol/internal.ts";
import type { HandlerFactory } from "./protocol_handler.ts";
import { SessionRouter } from "./session_router.ts";
import { ShellSessions } from "./terminal/shell_sessions.ts";
import type { TokenSource } from "./token_source.ts";

const CONNECT_PATH = "/api/devices/v1/deviceconnect/connect";

/** Largest message that is taken; the server's stay below 8 KiB. */
const MAX_MESSAGE_BYTES = 1 << 20;

/** Limit for connection and handshake. */
const HANDSHAKE_LIMIT_MS = 30_000;

/** Longest first wait after a connection was lost, and the least that the longest wait is. */
const FIRST_WAIT_MS = 1000;
const LEAST_LONGEST_WAIT_MS = 60_000;

/** A connection that lasts so long has been a success: the next wait is a short one again. */
const SUCCESS_MS = 10_000;

/** After so long without a connection, everything that was opened over it is given up. */
const REAP_AFTER_MS = 60_000;

/** While the device is not authorised: how often it is asked whether it is, besides being told. */
const ASK_AGAIN_MS = 10_000;

/** What remote access stands on. */
export interface RemoteAccessOptions {
  /** The machine. */
  readonly drivers: Drivers;
  /** What is switched on, and how. */
  readonly config: ConnectConfig;
  /** Where tokens come from. */
  readonly tokens: TokenSource;
  /** Trust, client certificate and proxies, as for the Device API. */
  readonly http: HttpDriverOptions;
  /** Reaches the daemon; without it the server cannot wake it. */
  readonly waker?: DaemonWaker | undefined;
  /** Where what happens is told. */
  readonly logger: Logger;
}

/**
 * Keeps a connection to the server until `signal` is aborted. Ends, with everything that was opened over
 * it, within a few seconds then; otherwise never: what goes wrong is logged, and tried again.
 */
export async function runRemoteAccess(
  options: RemoteAccessOptions,
  signal: AbortSignal,
): Promise<void> {
  await new RemoteAccess(options, signal).run();
}

class RemoteAccess {
  readonly #options: RemoteAccessOptions;
  readonly #signal: AbortSignal;
  readonly #outbox = new Outbox();
  readonly #router: SessionRouter;
  #connection: WebSocketConnection | undefined;
  #used: Authorization | undefined;
  #changed = (): void => {};
  #cancelReap = (): void => {};
  #waits: Generator<number, never> | undefined;

  constructor(options: RemoteAccessOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#router = makeRouter(options, this.#outbox);
  }

  async run(): Promise<void> {
    void this.#followChanges();
    const forget = onAbort(
      this.#signal,
      () => this.#connection?.close(1001, "the device goes away"),
    );
    try {
      while (!this.#signal.aborted) await this.#once();
    } finally {
      forget();
      this.#cancelReap();
      await this.#router.closeAll();
      this.#connection?.cut();
    }
  }

  /** One connection, from the token to its end, and the wait after it. */
  async #once(): Promise<void> {
    const { drivers: { clock }, logger } = this.#options;
    let startedAt = clock.monotonic();
    try {
      const connection = await this.#connect();
      if (connection === undefined) return;
      startedAt = clock.monotonic();
      await this.#serve(connection);
      const { code, reason } = await connection.closed;
      if (this.#signal.aborted) return;
      logger.log("info", "The connection for remote access has ended", { code, reason });
      if (clock.monotonic() - startedAt >= SUCCESS_MS) this.#waits = undefined;
    } catch (error) {
      if (this.#signal.aborted) return;
      const told = explainTransportFailure(error, clock.now());
      const why = told === undefined ? "" : `: ${told.why}`;
      logger.log(
        "warning",
        `Cannot connect for remote access${why}`,
        told?.hint === undefined ? {} : { hint: told.hint },
        error,
      );
    }
    await this.#wait(this.#nextWaitMs());
  }

  async #connect(): Promise<WebSocketConnection | undefined> {
    const { drivers, tokens, http, logger } = this.#options;
    const authorization = await tokens.current(this.#signal);
    this.#used = authorization;
    if (authorization === undefined) {
      await this.#wait(ASK_AGAIN_MS);
      return undefined;
    }
    const url = new URL(CONNECT_PATH, authorization.serverUrl).href;
    try {
      const connection = await drivers.webSockets.connect({
        url,
        headers: { authorization: `Bearer ${authorization.token}` },
        http,
        maxMessageBytes: MAX_MESSAGE_BYTES,
        handshakeLimitMs: HANDSHAKE_LIMIT_MS,
        signal: this.#signal,
      });
      logger.log("info", "Connected for remote access", { server: authorization.serverUrl });
      return connection;
    } catch (error) {
      const isRefused = error instanceof WebSocketRefusal && error.status === 401;
      if (isRefused) tokens.refused(authorization);
      throw error;
    }
  }

  async #serve(connection: WebSocketConnection): Promise<void> {
    const { drivers: { clock } } = this.#options;
    this.#connection = connection;
    this.#cancelReap();
    this.#outbox.attach(connection);
    const stopKeepAlive = keepAlive(connection, clock);
    try {
      await connection.each((message) => {
        this.#router.deliver(message);
        return this.#router.ready();
      });
    } finally {
      stopKeepAlive();
      this.#outbox.detach();
      this.#connection = undefined;
      this.#cancelReap = clock.after(
        REAP_AFTER_MS,
        () => void this.#reap("no connection for a minute"),
      );
    }
  }

  /** A change of the token ends waits and connections; its loss ends all sessions as well. */
  async #followChanges(): Promise<void> {
    for await (const change of this.#options.tokens.changes) {
      if (this.#signal.aborted) return;
      if (change === undefined) void this.#reap("the device is not authorised");
      const isSame = change?.token === this.#used?.token &&
        change?.serverUrl === this.#used?.serverUrl;
      if (!isSame) this.#connection?.close(1000, "another token");
      this.#changed();
    }
  }

  async #reap(why: string): Promise<void> {
    const { logger } = this.#options;
    logger.log("info", `All sessions are ended: ${why}`);
    try {
      await this.#router.closeAll();
    } catch (error) {
      logger.log("error", `Cannot end all sessions: ${messageOf(error)}`, {}, error);
    }
  }

  #nextWaitMs(): number {
    const { drivers: { random }, config } = this.#options;
    if (this.#waits === undefined) {
      const longest = Math.max(LEAST_LONGEST_WAIT_MS, config.reconnectMs);
      this.#waits = backoffSchedule(longest, () => random.next());
      return Math.round(FIRST_WAIT_MS * (1 - random.next() * 0.8));
    }
    return this.#waits.next().value;
  }

  /** Waits, but no longer than until something changes. */
  async #wait(waitMs: number): Promise<void> {
    const change = new AbortController();
    this.#changed = () => change.abort();
    const forget = onAbort(this.#signal, () => change.abort());
    try {
      await sleep(this.#options.drivers.clock, waitMs, change.signal);
    } catch (error) {
      if (!change.signal.aborted) throw error;
    } finally {
      forget();
    }
  }
}

function makeRouter(options: RemoteAccessOptions, outbox: Outbox): SessionRouter {
  const { drivers, config, logger, waker } = options;
  const { enabled } = config;
  const factories = new Map<number, HandlerFactory>();
  if (enabled.fileTransfer) {
    const parts = { files: drivers.files, clock: drivers.clock, limits: config.transferLimits };
    factories.set(PROTOCOLS.fileTransfer, fileTransferHandlers(parts));
  }
  if (enabled.portForward) {
    factories.set(PROTOCOLS.portForward, portForwardHandlers(drivers));
  }
  if (enabled.menderClient && waker !== undefined) {
    factories.set(PROTOCOLS.menderClient, menderClientHandler(waker));
  }
  return new SessionRouter({
    outbox,
    clock: drivers.clock,
    logger,
    factories,
    shells: enabled.terminal ? new ShellSessions({ config, drivers, outbox, logger }) : undefined,
  });
}
