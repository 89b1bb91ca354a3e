/**
 * The npm D-Bus library, behind the few calls that are used of it: the only file that knows it. It is
 * loaded when a bus is opened, not before.
 *
 * Two of its habits are mended here: it does not tell when the connection ends (so nothing that waits on
 * it would ever end), and it throws out of an event handler when the other end talks rubbish.
 *
 * @module
 */

/** Kinds of messages, as they are numbered on the wire. */
export const MESSAGE_TYPE = { call: 1, reply: 2, error: 3, signal: 4 } as const;

/** The sender of a call does not want an answer. */
export const NO_REPLY_EXPECTED = 1;

/** A message of the bus. */
export interface BusMessage {
  /** One of {@link MESSAGE_TYPE}; a call when absent. */
  readonly type?: number | undefined;
  /** Number that a reply refers to. */
  readonly serial?: number | null | undefined;
  /** {@link BusMessage.serial} of the call that this answers. */
  readonly replySerial?: number | undefined;
  /** Bus name of the receiver. */
  readonly destination?: string | undefined;
  /** Unique name of the sender, filled in by the bus. */
  readonly sender?: string | undefined;
  /** Object. */
  readonly path?: string | undefined;
  /** Interface of the member. */
  readonly interface?: string | undefined;
  /** Method or signal. */
  readonly member?: string | undefined;
  /** Name of the error, in an error. */
  readonly errorName?: string | undefined;
  /** Types of {@link BusMessage.body}. */
  readonly signature?: string | undefined;
  /** Arguments. */
  readonly body?: readonly unknown[] | undefined;
  /** Bits, among them {@link NO_REPLY_EXPECTED}. */
  readonly flags?: number | undefined;
}

/** A connection as the library gives it, and what became of it. */
export interface LibraryBus {
  /** Our own unique name, once the bus has greeted us. */
  readonly uniqueName: string | undefined;
  /** Settles once the bus has greeted us; rejects when it does not let us in. */
  readonly ready: Promise<void>;
  /** Settles when the connection has ended, with the failure if one was told. */
  readonly lost: Promise<unknown>;
  /** Sends a call; rejects with a {@link LibraryError}. Never settles once the connection is lost. */
  call(message: BusMessage): Promise<BusMessage>;
  /** Sends a message that nobody answers. */
  send(message: BusMessage): void;
  /** Calls back for each signal that arrives. */
  onSignal(listener: (message: BusMessage) => void): void;
  /** Calls back for each method call that arrives; `false` means that it is not ours. */
  onCall(listener: (message: BusMessage) => boolean): void;
  /** Ends the connection; what was sent before is still delivered. */
  close(): void;
  /** Ends the connection without waiting for anything. */
  destroy(): void;
}

/** An error that came as the answer to a call. */
export interface LibraryError extends Error {
  /** Name of the error on the bus, as in `org.freedesktop.DBus.Error.NoReply`. */
  readonly type: string;
  /** Its text. */
  readonly text: string;
}

/** Whether a failure is the answer to a call. */
export function isLibraryError(error: unknown): error is LibraryError {
  return error instanceof Error && "type" in error && typeof error.type === "string" &&
    "text" in error;
}

interface Emitter {
  on(event: string, listener: (...args: never[]) => void): unknown;
}

interface LibraryMessageBus extends Emitter {
  readonly name: string | null;
  readonly _connection: Emitter & {
    readonly stream: Emitter & {
      emit: (event: string, ...args: unknown[]) => boolean;
      destroy(error?: Error): void;
    };
  };
  call(message: BusMessage): Promise<BusMessage>;
  send(message: BusMessage): void;
  addMethodHandler(handler: (message: BusMessage) => boolean): void;
  disconnect(): void;
}

interface Library {
  sessionBus(options: { busAddress: string; authMethods: string[] }): LibraryMessageBus;
  readonly Message: new (parts: BusMessage) => BusMessage;
}

/**
 * Opens a connection. Every attempt needs a new one.
 *
 * @param address As in `unix:path=/run/dbus/system_bus_socket`.
 */
export async function openLibraryBus(address: string): Promise<LibraryBus> {
  const { default: library } = await import("@particle/dbus-next") as unknown as {
    default: Library;
  };
  // Only EXTERNAL: another method reads files of the home directory, and fails with an exception.
  const bus = library.sessionBus({ busAddress: address, authMethods: ["EXTERNAL"] });
  const { _connection: connection } = bus;
  const { stream } = connection;
  guardReader(stream);

  let failure: unknown;
  const lost = new Promise<unknown>((resolve) => {
    const end = (): void => resolve(failure);
    connection.on("end", end);
    stream.on("close", end);
  });
  const ready = new Promise<void>((resolve, reject) => {
    bus.on("connect", resolve);
    // Stands for the whole life of the connection: an error without a listener ends the process.
    bus.on("error", (error: unknown) => {
      failure ??= error;
      stream.destroy();
      reject(error);
    });
    void lost.then(() => reject(failure ?? new Error("the connection was closed")));
  });
  ready.catch(() => {}); // told to whoever waits for it; nobody may be waiting any more

  return {
    get uniqueName() {
      return bus.name ?? undefined;
    },
    ready,
    lost,
    call: (message) => bus.call(new library.Message(message)),
    send: (message) => bus.send(new library.Message(message)),
    onSignal(listener) {
      bus.on("message", (message: BusMessage) => {
        if (message.type === MESSAGE_TYPE.signal) listener(message);
      });
    },
    onCall: (listener) => bus.addMethodHandler(listener),
    close: () => bus.disconnect(),
    destroy: () => stream.destroy(),
  };
}

/** What is thrown while reading becomes an error of the stream, which ends the connection. */
function guardReader(stream: LibraryMessageBus["_connection"]["stream"]): void {
  const emit = stream.emit.bind(stream);
  stream.emit = (event, ...args) => {
    if (event !== "readable") return emit(event, ...args);
    try {
      return emit(event);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
      return true;
    }
  };
}
