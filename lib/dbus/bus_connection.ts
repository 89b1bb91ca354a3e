import { BusError } from "../core/errors.ts";
import { CallLimits, type WaitingCall } from "../runtime/call_limits.ts";
import { type Clock, startDeadline } from "../runtime/clock.ts";
import { onAbort } from "../runtime/on_abort.ts";
import { callFailure, connectFailure, lostFailure, silenceFailure } from "./bus_failure.ts";
import { type BusMessage, isLibraryError, type LibraryBus, openLibraryBus } from "./bus_library.ts";

/** A method of an object on the bus. */
export interface BusMethod {
  /** Bus name of the service. */
  readonly service: string;
  /** Object path. */
  readonly path: string;
  /** Interface. */
  readonly interface: string;
  /** Name of the method. */
  readonly member: string;
}

/** What may be said about a call. */
export interface CallOptions {
  /** Types of the arguments, as in `su`. */
  readonly signature?: string;
  /** Arguments. */
  readonly body?: readonly unknown[];
  /** What is attempted, for messages, as in "set the Update Control Map". */
  readonly what: string;
  /** Longest time to an answer; 5 s when absent. */
  readonly limitMs?: number;
  /** Ends the wait; the call itself cannot be taken back. */
  readonly signal?: AbortSignal | undefined;
}

/** What may be said about a connection. */
export interface ConnectOptions {
  /** Time. */
  readonly clock: Clock;
  /** Longest time to the greeting of the bus; 2 s when absent. */
  readonly limitMs?: number;
  /** Ends the attempt. */
  readonly signal?: AbortSignal | undefined;
}

/** A call that waits, and is told when the connection has ended. */
interface BusCall extends WaitingCall {
  onLost(cause: unknown): void;
}

/** What the bus itself is called. */
const BUS = {
  service: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
} as const;

const CONNECT_LIMIT_MS = 2000;
const CALL_LIMIT_MS = 5000;

/** How a request for a name may be made: give way to others, take from others, do not queue. */
export const NAME_FLAGS = { allowReplacement: 1, replaceExisting: 2, doNotQueue: 4 } as const;

/**
 * A connection to a D-Bus. Nothing on it waits for ever: calls have a deadline, and end when the
 * connection does. It is never made again by itself.
 */
export class BusConnection {
  readonly #bus: LibraryBus;
  readonly #clock: Clock;
  /** Calls that wait for their answer: each is ended when the connection is. */
  readonly #calls: CallLimits<BusCall>;
  #isClosed = false;

  private constructor(bus: LibraryBus, address: string, clock: Clock) {
    this.#bus = bus;
    this.#clock = clock;
    this.#calls = new CallLimits(clock);
    this.lost = bus.lost.then((cause) => {
      this.#isClosed = true;
      for (const call of this.#calls.waiting) call.onLost(cause);
      this.#calls.stop();
      return lostFailure(`use the D-Bus at ${address}`, cause);
    });
  }

  /**
   * Settles, with the reason, when the connection has ended; also after {@link close}.
   */
  readonly lost: Promise<BusError>;

  /**
   * Connects.
   *
   * @param address See `systemBusAddress()`.
   * @throws {BusError} `bus.no-bus`, `bus.access-denied`, `bus.not-permitted`, `bus.rejected`,
   * `bus.no-reply`; or the signal's reason.
   */
  static async open(address: string, options: ConnectOptions): Promise<BusConnection> {
    const { clock, limitMs = CONNECT_LIMIT_MS, signal } = options;
    const deadline = startDeadline(
      clock,
      limitMs,
      () => silenceFailure(`reach the D-Bus at ${address}`, limitMs),
      signal,
    );
    let bus: LibraryBus | undefined;
    try {
      deadline.signal.throwIfAborted();
      bus = await openLibraryBus(address);
      await untilAborted(bus.ready, deadline.signal);
      return new BusConnection(bus, address, clock);
    } catch (error) {
      bus?.destroy();
      if (error === signal?.reason) throw error;
      throw connectFailure(address, error);
    } finally {
      deadline.dispose();
    }
  }

  /**
   * Calls a method.
   *
   * @returns The arguments of the answer.
   * @throws {BusError} `bus.service-unknown`, `bus.access-denied`, `bus.no-reply`, `bus.disconnected`,
   * `bus.unknown-method`, `bus.failed`; or the signal's reason.
   */
  async call(method: BusMethod, options: CallOptions): Promise<readonly unknown[]> {
    const { what, signature = "", body = [], signal } = options;
    const { service: destination, path, interface: name, member } = method;
    try {
      signal?.throwIfAborted();
      if (this.#isClosed) throw lostFailure(what);
      const message = { destination, path, interface: name, member, signature, body };
      return (await this.#answer(message, options)).body ?? [];
    } catch (error) {
      if (error === signal?.reason) throw error;
      throw callFailure(what, destination, error);
    }
  }

  /** Sends a message that is not answered; nothing happens when the connection has ended. */
  send(message: BusMessage): void {
    if (this.#isClosed) return;
    try {
      this.#bus.send(message);
    } catch {
      // The stream has ended a moment ago: `lost` is about to tell, and nobody waits for this message.
    }
  }

  /** Calls back for each method call that arrives; see {@link LibraryBus.onCall}. */
  onCall(listener: (message: BusMessage) => boolean): void {
    this.#bus.onCall(listener);
  }

  /**
   * Listens to a signal of a service.
   *
   * Only what the owner of the name itself has sent is told: anybody on the bus may send a signal that
   * looks alike.
   *
   * @param listener Gets the arguments.
   */
  async onSignal(
    source: BusMethod,
    what: string,
    listener: (body: readonly unknown[]) => void,
  ): Promise<void> {
    let owner: string | undefined = source.service === BUS.service ? BUS.service : undefined;
    this.#bus.onSignal((message) => {
      const { sender, path, interface: name, member, body = [] } = message;
      if (sender !== owner || owner === undefined) return;
      if (path === source.path && name === source.interface && member === source.member) {
        listener(body);
      }
    });
    await this.#addMatch(
      `type='signal',sender='${source.service}',path='${source.path}',` +
        `interface='${source.interface}',member='${source.member}'`,
      what,
    );
    if (owner === undefined) await this.watchName(source.service, what, (name) => owner = name);
  }

  /**
   * Tells who owns a name: once at the beginning, then whenever that changes.
   *
   * @param listener Gets the unique name of the owner, or `undefined` when nobody owns the name.
   */
  async watchName(
    name: string,
    what: string,
    listener: (owner: string | undefined) => void,
  ): Promise<void> {
    let isKnown = false;
    this.#bus.onSignal(({ sender, path, member, body = [] }) => {
      if (sender !== BUS.service || path !== BUS.path || member !== "NameOwnerChanged") return;
      if (body[0] !== name) return;
      isKnown = true;
      listener(ownerIn(body[2]));
    });
    await this.#addMatch(
      `type='signal',sender='${BUS.service}',path='${BUS.path}',interface='${BUS.interface}',` +
        `member='NameOwnerChanged',arg0='${name}'`,
      what,
    );
    const owner = await this.#ownerOf(name, what);
    // A change that came before the answer is newer than it.
    if (!isKnown) listener(owner);
  }

  /**
   * Asks for a name.
   *
   * @param flags Sum of {@link NAME_FLAGS}.
   * @returns Whether it is ours now; `false`: another owns it, and we are next in turn unless
   * `doNotQueue` was set.
   */
  async requestName(name: string, flags: number): Promise<boolean> {
    const [answer] = await this.call({ ...BUS, member: "RequestName" }, {
      what: `own the D-Bus name ${name}`,
      signature: "su",
      body: [name, flags],
    });
    return answer === 1 || answer === 4;
  }

  /** Ends the connection; what was sent before is still delivered. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#bus.close();
    // An end that nobody answers is not waited for.
    const cancel = this.#clock.after(CONNECT_LIMIT_MS, () => this.#bus.destroy());
    void this.#bus.lost.then(cancel);
  }

  /** The name by which the bus knows this connection. */
  get uniqueName(): string | undefined {
    return this.#bus.uniqueName;
  }

  /** One promise for a call: every call pays for what is here. */
  #answer(message: BusMessage, options: CallOptions): Promise<BusMessage> {
    const { what, limitMs = CALL_LIMIT_MS, signal } = options;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#calls.end(waiting);
        forget();
      };
      const fail = (error: unknown): void => {
        settle();
        reject(error);
      };
      const waiting: BusCall = {
        dueAtMs: this.#clock.monotonic() + limitMs,
        onDue: () => fail(silenceFailure(what, limitMs)),
        onLost: (cause) => fail(lostFailure(what, cause)),
      };
      this.#calls.begin(waiting);
      const forget = onAbort(signal, () => fail(signal?.reason));
      this.#bus.call(message).then((reply) => {
        settle();
        resolve(reply);
      }, (error) => {
        // What is no answer is the stream's: it cannot be written to any more.
        if (isLibraryError(error)) fail(error);
        else waiting.onLost(error);
      });
    });
  }

  async #addMatch(rule: string, what: string): Promise<void> {
    await this.call({ ...BUS, member: "AddMatch" }, { what, signature: "s", body: [rule] });
  }

  async #ownerOf(name: string, what: string): Promise<string | undefined> {
    try {
      const [owner] = await this.call({ ...BUS, member: "GetNameOwner" }, {
        what,
        signature: "s",
        body: [name],
      });
      return ownerIn(owner);
    } catch (error) {
      if (error instanceof BusError && error.code === "bus.service-unknown") return undefined;
      throw error;
    }
  }
}

function ownerIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Waits for work, but not longer than the signal lets it. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => reject(signal.reason));
    work.then(resolve, reject).finally(forget);
  });
}
