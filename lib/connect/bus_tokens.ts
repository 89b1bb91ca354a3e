import type { Authorization } from "../api/device_session.ts";
import { AsyncQueue } from "../core/async_queue.ts";
import { backoffSchedule } from "../core/backoff_schedule.ts";
import { isMenderError, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { AuthenticationManagerClient, BusConnection, type JwtToken } from "../dbus/mod.ts";
import { AUTHENTICATION_MANAGER } from "../dbus/mender_names.ts";
import { type Clock, sleep } from "../runtime/clock.ts";
import type { RandomDriver } from "../runtime/drivers.ts";
import { onAbort } from "../runtime/on_abort.ts";
import type { TokenSource } from "./token_source.ts";

/** Longest wait before a bus that is gone is looked for again. */
const LONGEST_WAIT_MS = 60_000;

/** A client that has left the bus for so long is taken to be gone, and not to be starting anew. */
const ABSENCE_MS = 60_000;

/** How often at most the client is asked for another token in place of one that the server refuses. */
const FETCH_EVERY_MS = 60_000;

/** What tokens of the bus stand on. */
export interface BusTokensOptions {
  /** Address of the bus; see `systemBusAddress()`. */
  readonly address: string;
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: RandomDriver;
  /** Where what happens is told. */
  readonly logger: Logger;
  /** Where tokens come from while no Mender client is on the bus; absent: there are none then. */
  readonly fallback?: TokenSource | undefined;
  /** Told each token: it is a secret. */
  onToken(token: string): void;
}

/**
 * Tokens of the Mender client that owns `io.mender.AuthenticationManager`: it authenticates, and two
 * programs with the same key do not fight over it. While nobody owns the name, the fallback is used; a
 * client that was there once is given a minute to come back first. Nothing is known until {@link follow}
 * has looked.
 *
 * @see contracts/dbus.md section 1 and section 4
 */
export class BusTokens implements TokenSource {
  readonly changes = new AsyncQueue<Authorization | undefined>();
  readonly #options: BusTokensOptions;
  readonly #looked: Promise<void>;
  #hasLooked = (): void => {};
  /** The client, while there is one. */
  #client: AuthenticationManagerClient | undefined;
  #mayFallBack = true;
  #cancelAbsence = (): void => {};
  #isFromFallback = false;
  #refused: string | undefined;
  #fetchedAt = -Infinity;
  #told = "";

  /** Nothing is done before {@link follow}. */
  constructor(options: BusTokensOptions) {
    this.#options = options;
    this.#looked = new Promise((resolve) => this.#hasLooked = resolve);
  }

  async current(signal: AbortSignal): Promise<Authorization | undefined> {
    await this.#looked;
    const { fallback } = this.#options;
    this.#isFromFallback = this.#client === undefined;
    if (this.#client !== undefined) return await this.#ofClient(this.#client, signal);
    return this.#mayFallBack ? await fallback?.current(signal) : undefined;
  }

  refused(authorization: Authorization): void {
    if (this.#isFromFallback) return this.#options.fallback?.refused(authorization);
    this.#refused = authorization.token;
    this.#renew();
  }

  /** Follows bus and client until the signal is aborted, over restarts of both. */
  async follow(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const restart = () => backoffSchedule(LONGEST_WAIT_MS, () => random.next());
    let waits = restart();
    while (!signal.aborted) {
      try {
        await this.#attend(signal, () => waits = restart());
      } catch (error) {
        if (!signal.aborted) this.#tellFailure(error);
      }
      if (signal.aborted) break;
      this.#left();
      this.#hasLooked();
      await sleep(clock, waits.next().value, signal).catch(() => {}); // aborted: the loop ends
    }
    this.#client = undefined;
    this.#cancelAbsence();
    this.#hasLooked();
  }

  /** One connection to the bus, up to its end. */
  async #attend(signal: AbortSignal, onOpen: () => void): Promise<void> {
    const { address, clock } = this.#options;
    const bus = await BusConnection.open(address, { clock, signal });
    const forget = onAbort(signal, () => bus.close());
    try {
      if (signal.aborted) return;
      const client = new AuthenticationManagerClient(bus);
      const changes = await client.tokenChanges();
      await bus.watchName(AUTHENTICATION_MANAGER.service, "look for a Mender client", (owner) => {
        if (owner === undefined) this.#left();
        else this.#came(client);
      });
      onOpen();
      if (this.#client === undefined) this.#tellAbsence();
      this.#hasLooked();
      for await (const token of changes) this.changes.push(this.#noted(token));
    } finally {
      forget();
      bus.close();
      await bus.lost;
    }
  }

  #came(client: AuthenticationManagerClient): void {
    this.#cancelAbsence();
    this.#mayFallBack = false;
    this.#refused = undefined;
    this.#fetchedAt = -Infinity;
    this.#client = client;
    this.#tell("info", "Tokens come from the Mender client on the D-Bus");
    client.getJwtToken().then(
      // Without one yet nobody is sent away: the client tells once it knows.
      (token) => token !== undefined && this.changes.push(this.#noted(token)),
      (error) => this.#tellFailure(error),
    );
  }

  #left(): void {
    if (this.#client === undefined) return;
    this.#client = undefined;
    this.#tell("info", "The Mender client has left the D-Bus; it is waited for");
    this.#cancelAbsence = this.#options.clock.after(ABSENCE_MS, () => {
      this.#mayFallBack = true;
      this.#tellAbsence();
    });
  }

  async #ofClient(
    client: AuthenticationManagerClient,
    signal: AbortSignal,
  ): Promise<Authorization | undefined> {
    try {
      const token = await client.getJwtToken(signal);
      if (token === undefined || token.token !== this.#refused) return this.#noted(token);
      this.#renew();
      return undefined;
    } catch (error) {
      // It has left a moment ago, which is about to be told.
      const isGone = ["bus.service-unknown", "bus.disconnected"].some((code) =>
        isMenderError(error, code)
      );
      if (isGone) return undefined;
      throw error;
    }
  }

  #noted(token: JwtToken | undefined): Authorization | undefined {
    if (token !== undefined) this.#options.onToken(token.token);
    return token;
  }

  /** Has the client authenticate anew; the result comes as a change. */
  #renew(): void {
    const now = this.#options.clock.monotonic();
    if (this.#client === undefined || now - this.#fetchedAt < FETCH_EVERY_MS) return;
    this.#fetchedAt = now;
    this.#client.fetchJwtToken().catch((error) => this.#tellFailure(error));
  }

  #tellAbsence(): void {
    const isKeyUsed = this.#options.fallback !== undefined;
    this.#tell(
      "info",
      isKeyUsed
        ? "No Mender client is on the D-Bus: tokens are got with the device's key"
        : "No Mender client is on the D-Bus yet",
    );
  }

  #tellFailure(error: unknown): void {
    const level = this.#options.fallback === undefined ? "warning" : "info";
    const hint = isMenderError(error) ? error.hint : undefined;
    this.#tell(level, messageOf(error), hint === undefined ? {} : { hint });
  }

  /** The same is not said twice in a row: a bus that is gone is looked for again and again. */
  #tell(level: "info" | "warning", message: string, details: Record<string, string> = {}): void {
    if (message === this.#told) return;
    this.#told = message;
    this.#options.logger.log(level, message, details);
  }
}
