import type { ControlMap, ControlState } from "../control/control_map.ts";
import type { ControllerState } from "../control/map_controller.ts";
import { MapController } from "../control/map_controller.ts";
import {
  continueOnce,
  failOnce,
  keepingOrder,
  type MapOrder,
  type OrderOptions,
  pauseAll,
} from "../control/map_order.ts";
import type { Delivery, MapReceiver } from "../control/map_receiver.ts";
import { closeOnDispose } from "../core/async_dispose.ts";
import { BusError } from "../core/errors.ts";
import { EventStream } from "../core/event_stream.ts";
import { wellKnownPaths } from "../config/paths.ts";
import { systemBusAddress } from "../dbus/bus_address.ts";
import type { Clock } from "../runtime/clock.ts";
import { startDeadline } from "../runtime/clock.ts";
import { hostDrivers } from "../runtime/host.ts";
import { controlMapId } from "../store/control_map_id.ts";
import { BusMapReceiver } from "./bus_map_receiver.ts";

/** Options of {@link UpdateFlow.connect}. */
export interface UpdateFlowOptions extends Partial<OrderOptions> {
  /** Address of the D-Bus; `DBUS_SYSTEM_BUS_ADDRESS` or the system's when absent. */
  readonly address?: string;
  /** Where `control_map_id` is when no ID is given; `/var/lib/mender` when absent. */
  readonly dataDirectory?: string;
}

/** What an {@link UpdateFlow} is made of. */
export interface UpdateFlowParts {
  /** Takes the maps. */
  readonly receiver: MapReceiver;
  /** Time. */
  readonly clock: Clock;
  /** Source of jitter, 0 <= r < 1. */
  readonly random: () => number;
  /** Whose maps they are. */
  readonly order: OrderOptions;
  /** Called when the flow is closed. */
  readonly onClose?: () => Promise<void>;
}

/** How long to wait for an order to be in effect. */
export interface WaitOptions {
  /** Longest wait; 10 s when absent. */
  readonly limitMs?: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

const LIMIT_MS = 10_000;

/**
 * Control of the updates of this device, from another program than the Mender client: hold them, let one
 * pass, fail one.
 *
 * An order is kept in effect until another takes its place or the flow is closed; the client may restart
 * meanwhile. Each method waits until its order is in effect. When that fails or takes too long it throws;
 * the order stands all the same, and {@link states} tells what becomes of it.
 *
 * @example
 * ```ts
 * import { UpdateFlow } from "mender-deno";
 *
 * const flow = await UpdateFlow.connect();
 * await flow.pauseAll();
 * await flow.continueOnce("ArtifactInstall_Enter");
 * await flow.close({ clear: true });
 * ```
 */
export class UpdateFlow {
  readonly #parts: UpdateFlowParts;
  readonly #states = new EventStream<ControllerState>();
  #controller: MapController | undefined;
  #isClosed = false;

  /** {@link close}, where the runtime has `Symbol.asyncDispose`: the map lives until it expires. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  /** Puts a flow together; most programs use {@link connect}. */
  constructor(parts: UpdateFlowParts) {
    this.#parts = parts;
    closeOnDispose(this, () => this.close());
  }

  /**
   * Prepares the control of this device's updates. Nothing is sent before the first order.
   *
   * @throws {BusError} `bus.bad-address`.
   * @throws {StoreError} The device has no ID for its maps, and none can be made.
   */
  static async connect(options: UpdateFlowOptions = {}): Promise<UpdateFlow> {
    const drivers = await hostDrivers();
    const { files, clock, random, self } = drivers;
    const { dataDirectory, address, id, priority, onExpire } = options;
    const paths = wellKnownPaths(dataDirectory === undefined ? {} : { data: dataDirectory });
    const receiver = new BusMapReceiver({
      clock,
      address: systemBusAddress(address ?? self.env("DBUS_SYSTEM_BUS_ADDRESS")),
    });
    return new UpdateFlow({
      receiver,
      clock,
      random: random.next,
      order: {
        id: id ??
          await controlMapId({ files, clock, path: paths.controlMapId, uuid: random.uuid }),
        ...(priority !== undefined && { priority }),
        ...(onExpire !== undefined && { onExpire }),
      },
      onClose: () => receiver.close(),
    });
  }

  /** Where the order stands; `undefined` before the first. */
  get state(): ControllerState | undefined {
    return this.#controller?.state;
  }

  /** Where the order stands, every change of that, and every refresh. Ends when the flow is closed. */
  states(): AsyncIterableIterator<ControllerState> {
    return this.#states.subscribe(this.state === undefined ? [] : [this.state]);
  }

  /** Holds every update at all three points. */
  pauseAll(options?: WaitOptions): Promise<ControllerState> {
    return this.order(pauseAll(this.#parts.order), options);
  }

  /** Lets the update that is held at a point go on, or the next that comes there; see {@link continueOnce}. */
  continueOnce(state: ControlState, options?: WaitOptions): Promise<ControllerState> {
    return this.order(continueOnce(state, this.#parts.order), options);
  }

  /** Fails the update that is held, or the next that comes to a point; then holds all. */
  fail(options?: WaitOptions): Promise<ControllerState> {
    return this.order(failOnce(this.#parts.order), options);
  }

  /** Keeps a map of the caller's own in effect; it must have the ID and priority of this flow. */
  set(map: ControlMap, options?: WaitOptions): Promise<ControllerState> {
    return this.order(keepingOrder(map), options);
  }

  /**
   * Puts an order in place of the current one, and waits until it is in effect.
   *
   * @throws {MenderError} The reason for which it is refused, or is not in effect in time.
   */
  async order(order: MapOrder, options: WaitOptions = {}): Promise<ControllerState> {
    this.replace(order);
    const { limitMs = LIMIT_MS, signal } = options;
    const deadline = startDeadline(
      this.#parts.clock,
      limitMs,
      () =>
        this.state?.reason ??
          new BusError("bus.no-reply", `Cannot control updates: no answer within ${limitMs} ms`),
      signal,
    );
    const states = this.states();
    const leave = (): void => void states.return?.();
    deadline.signal.addEventListener("abort", leave, { once: true });
    try {
      for await (const state of states) {
        if (state.name === "active") return state;
        if (state.name === "refused" && state.reason !== undefined) throw state.reason;
      }
      deadline.signal.throwIfAborted();
      throw new BusError("bus.disconnected", "Cannot control updates: the flow was closed");
    } finally {
      deadline.signal.removeEventListener("abort", leave);
      deadline.dispose();
    }
  }

  /** Puts an order in place of the current one, and waits for nothing. */
  replace(order: MapOrder): void {
    if (this.#isClosed) throw new TypeError("Cannot control updates: the flow is closed");
    if (this.#controller !== undefined) return this.#controller.replace(order);
    const { receiver, clock, random } = this.#parts;
    this.#controller = new MapController({
      receiver,
      clock,
      random,
      order,
      onState: (state) => this.#states.push(state),
    });
  }

  /**
   * Stops to keep the order in effect, and ends the connection.
   *
   * @param options `clear` deletes the map; without it, it lives until it expires.
   * @returns How the deletion went; `undefined` without one.
   */
  async close(options: { readonly clear?: boolean } = {}): Promise<Delivery | undefined> {
    this.#isClosed = true;
    try {
      return await this.#controller?.close(options.clear === true);
    } finally {
      await this.#parts.onClose?.();
      this.#states.end();
    }
  }
}
