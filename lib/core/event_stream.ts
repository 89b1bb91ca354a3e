/** How far a reader may fall behind, and how it learns that it has. */
export interface EventStreamOptions<T> {
  /** Most events that are kept for one reader; 1000 when absent. */
  readonly maxUnread?: number;
  /** Makes the event that stands for so many that a reader has lost; absent: they go without a word. */
  readonly lost?: (count: number) => T;
}

/** A reader that does not keep up loses the oldest events beyond this many. */
const MAX_UNREAD = 1000;

/**
 * Things that happen one after the other, for any number of readers. Each reader gets all that happens
 * from the moment on at which it subscribed; one that does not keep up loses the oldest of it, and holds
 * up nobody.
 */
export class EventStream<T> {
  readonly #readers = new Set<EventReader<T>>();
  readonly #options: EventStreamOptions<T>;
  #end: { readonly error?: unknown } | undefined;

  /** Makes a stream without readers. */
  constructor(options: EventStreamOptions<T> = {}) {
    this.#options = options;
  }

  /** Hands an event to all readers. */
  push(event: T): void {
    for (const reader of this.#readers) reader.push(event);
  }

  /** Ends the stream once everything has been read; with an error the readers throw it then. */
  end(...error: [unknown?]): void {
    if (this.#end !== undefined) return;
    this.#end = error.length === 0 ? {} : { error: error[0] };
    for (const reader of this.#readers) reader.end(this.#end);
    this.#readers.clear();
  }

  /**
   * Begins to read. Leaving the loop ends it.
   *
   * @param first Events that this reader gets before all others.
   * @param onLeave Called once when the reader is done with.
   */
  subscribe(first: readonly T[] = [], onLeave?: () => void): AsyncIterableIterator<T> {
    const reader: EventReader<T> = new EventReader<T>(this.#options, () => {
      this.#readers.delete(reader);
      onLeave?.();
    });
    for (const event of first) reader.push(event);
    if (this.#end === undefined) this.#readers.add(reader);
    else reader.end(this.#end);
    return reader;
  }
}

class EventReader<T> implements AsyncIterableIterator<T> {
  readonly #unread: T[] = [];
  readonly #waiting: {
    resolve: (result: IteratorResult<T>) => void;
    reject: (error: unknown) => void;
  }[] = [];
  readonly #options: EventStreamOptions<T>;
  readonly #leave: () => void;
  #lostCount = 0;
  #hasLeft = false;
  #end: { readonly error?: unknown } | undefined;

  constructor(options: EventStreamOptions<T>, leave: () => void) {
    this.#options = options;
    this.#leave = leave;
  }

  push(event: T): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting.resolve({ value: event, done: false });
    else if (this.#unread.push(event) > (this.#options.maxUnread ?? MAX_UNREAD)) {
      this.#unread.shift();
      this.#lostCount++;
    }
  }

  end(end: { readonly error?: unknown }): void {
    this.#end ??= end;
    while (this.#waiting.length > 0) {
      const { resolve, reject } = this.#waiting.shift()!;
      this.next().then(resolve, reject);
    }
  }

  next(): Promise<IteratorResult<T>> {
    const { lost } = this.#options;
    if (this.#lostCount > 0 && lost !== undefined) {
      const value = lost(this.#lostCount);
      this.#lostCount = 0;
      return Promise.resolve({ value, done: false });
    }
    if (this.#unread.length > 0) {
      return Promise.resolve({ value: this.#unread.shift() as T, done: false });
    }
    if (this.#end === undefined) {
      return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    }
    const end = this.#end;
    this.#end = {}; // an error is thrown once
    return "error" in end
      ? Promise.reject(end.error)
      : Promise.resolve({ value: undefined, done: true });
  }

  return(): Promise<IteratorResult<T>> {
    this.#unread.length = this.#lostCount = 0;
    if (!this.#hasLeft) this.#leave();
    this.#hasLeft = true;
    this.end({});
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this;
  }
}
