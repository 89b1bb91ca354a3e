import { backoffSchedule } from "../core/backoff_schedule.ts";
import { ControlError, isMenderError, type MenderError, messageOf } from "../core/errors.ts";
import { EventStream } from "../core/event_stream.ts";
import type { Clock } from "../runtime/clock.ts";
import { type ControlMap, deletionOf, isSameMap } from "./control_map.ts";
import type { MapOrder } from "./map_order.ts";
import type { Delivery, MapReceiver, ReceiverEvent } from "./map_receiver.ts";
import { MAX_RETRY_MS, refreshWaitMs, retryWaitMs } from "./refresh_waits.ts";

/**
 * Where an order stands.
 *
 * `active`: it is in effect. `pending`: nobody has confirmed it yet; with a reason, an attempt has failed
 * and is going to be repeated. `lost`: it was in effect, and is not any more for all that is known.
 * `refused`: it was answered with a refusal; it is tried again all the same, for permissions may change.
 */
export interface ControllerState {
  /** See above. */
  readonly name: "active" | "pending" | "lost" | "refused";
  /** The map that is wanted. */
  readonly map: ControlMap;
  /** Why it is not in effect, or why the last attempt to refresh it failed. */
  readonly reason?: MenderError;
  /** When it is set again, on the controller's monotonic clock. */
  readonly nextAtMs: number;
  /** When the map that was accepted last dies, at the earliest, on the same clock. */
  readonly expiresAtMs?: number;
  /** While a one-time order is in effect: when it ends, on the same clock. */
  readonly armedUntilMs?: number;
}

/** What a {@link MapController} works with. */
export interface MapControllerOptions {
  /** Takes the maps. */
  readonly receiver: MapReceiver;
  /** Time. */
  readonly clock: Clock;
  /** Source of jitter, 0 <= r < 1. */
  readonly random: () => number;
  /** What is wanted at the beginning. */
  readonly order: MapOrder;
  /** Called at once with everything that {@link MapController.states} gives, but the first. */
  readonly onState?: (state: ControllerState) => void;
}

/**
 * Keeps an order in effect: sets its map, sets it again before half of its life is over, and at once when
 * another order takes its place or the receiver has started anew. Every failure is told and tried again,
 * after 30 s at the latest.
 */
export class MapController {
  readonly #receiver: MapReceiver;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onState: (state: ControllerState) => void;
  readonly #states = new EventStream<ControllerState>();
  readonly #unwatch: () => void;
  readonly #running: Promise<void>;
  #order: MapOrder;
  /** Whether the one-time form of the order has been sent, or may have been. */
  #isSpent = false;
  #waits: Iterator<number, never>;
  /** Counts what has happened to the receiver. */
  #events = 0;
  #wasAccepted = false;
  #isClosed = false;
  #nextAtMs: number;
  #state: ControllerState;
  #attempt = new AbortController();
  #wake: () => void = () => {};

  /** Starts at once. */
  constructor(options: MapControllerOptions) {
    this.#receiver = options.receiver;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#onState = options.onState ?? (() => {});
    this.#order = options.order;
    this.#waits = backoffSchedule(MAX_RETRY_MS, this.#random);
    this.#nextAtMs = this.#now();
    this.#state = { name: "pending", map: this.#wanted().map, nextAtMs: this.#nextAtMs };
    this.#unwatch = this.#receiver.watch((event) => this.#hear(event));
    this.#running = this.#run();
  }

  /** Where the order stands now. */
  get state(): ControllerState {
    return this.#state;
  }

  /**
   * Where the order stands, and then every change of that and every refresh. Ends when the controller is
   * closed.
   */
  states(): AsyncIterableIterator<ControllerState> {
    return this.#states.subscribe([this.#state]);
  }

  /**
   * Puts another order in place of the current one, at once.
   *
   * @throws {TypeError} Its map has another ID or priority: the old one would stay in effect.
   */
  replace(order: MapOrder): void {
    if (!isSameMap(order.map, this.#order.map)) {
      throw new TypeError("Cannot replace the order: wanted a map of the same ID and priority");
    }
    this.#order = order;
    this.#isSpent = false;
    this.#wasAccepted = false;
    this.#hurry();
    this.#publish({ name: "pending", map: this.#wanted().map, nextAtMs: this.#nextAtMs });
    this.#attempt.abort(new Error("another order took its place"));
  }

  /**
   * Stops to keep the order in effect.
   *
   * @param clear Delete the map too. Otherwise it lives until it expires.
   * @returns How the deletion went; `undefined` without one.
   */
  async close(clear: boolean): Promise<Delivery | undefined> {
    this.#isClosed = true;
    this.#unwatch();
    this.#attempt.abort(new Error("the controller is closed"));
    this.#wake();
    await this.#running;
    try {
      return clear ? await this.#deliver(deletionOf(this.#order.map)) : undefined;
    } finally {
      this.#states.end();
    }
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      if (this.#now() >= this.#nextAtMs) await this.#tryOnce();
      else {
        this.#noteExpiry();
        await this.#rest();
      }
    }
  }

  async #tryOnce(): Promise<void> {
    const order = this.#order;
    const { map, isOnce } = this.#wanted();
    const events = this.#events;
    const startedAtMs = this.#now();
    // Put off first: whatever happens meanwhile may bring it forward again.
    this.#nextAtMs = Infinity;
    const { expiresAtMs = Infinity } = this.#state;
    const cancel = this.#clock.after(expiresAtMs - startedAtMs, () => this.#noteExpiry());
    const delivery = await this.#deliver(map);
    cancel();
    if (this.#isClosed || this.#order !== order) return;
    // Sent, and perhaps obeyed already: to send it again would let a second update pass.
    if (isOnce && delivery.type !== "unreachable" && delivery.type !== "refused") {
      this.#isSpent = true;
    }
    if (delivery.type !== "accepted") return this.#failed(delivery);
    if (delivery.refreshMs <= 0) {
      return this.#failed({ type: "refused", reason: tooShort() });
    }
    this.#wasAccepted = true;
    this.#waits = backoffSchedule(MAX_RETRY_MS, this.#random);
    if (this.#events !== events) {
      // Whoever answered may be gone by now, and another have taken its place.
      this.#nextAtMs = this.#now();
      return;
    }
    this.#nextAtMs = startedAtMs + refreshWaitMs(delivery.refreshMs);
    this.#publish({
      name: "active",
      map,
      nextAtMs: this.#nextAtMs,
      expiresAtMs: startedAtMs + 2 * delivery.refreshMs,
      ...(isOnce && { armedUntilMs: this.#nextAtMs }),
    });
  }

  #failed({ type, reason }: Exclude<Delivery, { type: "accepted" }>): void {
    const { expiresAtMs } = this.#state;
    const leftMs = expiresAtMs === undefined ? undefined : expiresAtMs - this.#now();
    const wait = this.#now() + retryWaitMs(this.#waits.next().value, leftMs);
    this.#nextAtMs = Math.min(this.#nextAtMs, wait);
    const isAlive = leftMs !== undefined && leftMs > 0;
    this.#publish({
      name: type === "refused" ? type : isAlive || !this.#wasAccepted ? "pending" : "lost",
      map: this.#wanted().map,
      reason,
      nextAtMs: this.#nextAtMs,
      ...(isAlive && { expiresAtMs }),
    });
  }

  #hear(event: ReceiverEvent): void {
    this.#events++;
    if (event.type === "arrived") return this.#hurry();
    // It may come back without telling.
    const wait = this.#now() + retryWaitMs(this.#waits.next().value, undefined);
    if (this.#nextAtMs !== Infinity) this.#nextAtMs = wait;
    this.#publish({
      name: this.#wasAccepted ? "lost" : "pending",
      map: this.#wanted().map,
      reason: event.reason,
      nextAtMs: wait,
    });
    this.#wake();
  }

  /** Tells that the map has died while attempts to refresh it failed. */
  #noteExpiry(): void {
    const { name, expiresAtMs, map, reason } = this.#state;
    if (expiresAtMs === undefined || this.#now() < expiresAtMs) return;
    this.#publish({
      name: name === "refused" ? name : "lost",
      map,
      ...(reason && { reason }),
      nextAtMs: this.#nextAtMs,
    });
  }

  /** Sets the order as soon as possible; failures so far do not count any more. */
  #hurry(): void {
    this.#nextAtMs = this.#now();
    this.#waits = backoffSchedule(MAX_RETRY_MS, this.#random);
    this.#wake();
  }

  #wanted(): { readonly map: ControlMap; readonly isOnce: boolean } {
    const { map, once } = this.#order;
    return once === undefined || this.#isSpent
      ? { map, isOnce: false }
      : { map: once, isOnce: true };
  }

  async #deliver(map: ControlMap): Promise<Delivery> {
    this.#attempt = new AbortController();
    try {
      return await this.#receiver.setMap(map, this.#attempt.signal);
    } catch (error) {
      const reason = isMenderError(error)
        ? error
        : new ControlError("control.not-delivered", messageOf(error), { cause: error });
      return { type: "unknown", reason };
    }
  }

  #rest(): Promise<void> {
    const { expiresAtMs = Infinity } = this.#state;
    const untilMs = Math.min(this.#nextAtMs, expiresAtMs);
    return new Promise((resolve) => {
      const cancel = this.#clock.after(Math.ceil(untilMs - this.#now()), resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #publish(state: ControllerState): void {
    this.#state = state;
    this.#states.push(state);
    this.#onState(state);
  }

  #now(): number {
    return this.#clock.monotonic();
  }
}

function tooShort(): MenderError {
  return new ControlError(
    "control.life-too-short",
    "Cannot keep the Update Control Map in effect: its life is shorter than two seconds",
    { hint: "Raise UpdateControlMapExpirationTimeSeconds in mender.conf" },
  );
}
