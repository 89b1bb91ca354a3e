/** Waits between two looks at a terminal that takes no input, in milliseconds. */
const FIRST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 32;

/**
 * Input of a terminal that is written without ever blocking: what does not fit is tried again soon.
 */
export class InputQueue {
  readonly #writeSome: (bytes: Uint8Array) => number;
  readonly #drains: { readonly limit: number; readonly resolve: () => void }[] = [];
  #waiting: Uint8Array[] = [];
  #size = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitMs = FIRST_WAIT_MS;
  #isClosed = false;

  /** `writeSome` writes as much as fits, and tells how much that was. */
  constructor(writeSome: (bytes: Uint8Array) => number) {
    this.#writeSome = writeSome;
  }

  /** Bytes that wait. */
  get size(): number {
    return this.#size;
  }

  /** Queues bytes; nothing happens once it is closed. */
  push(bytes: Uint8Array): void {
    if (this.#isClosed || bytes.length === 0) return;
    this.#waiting.push(bytes);
    this.#size += bytes.length;
    if (this.#timer === undefined) this.#pump();
  }

  /** Settles when at most `limit` bytes wait, or it is closed. */
  drained(limit: number): Promise<void> {
    if (this.#size <= limit || this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => this.#drains.push({ limit, resolve }));
  }

  /** Drops what waits. */
  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
    this.#size = 0;
    clearTimeout(this.#timer);
    this.#tell();
  }

  #pump(): void {
    this.#timer = undefined;
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      const count = this.#writeSome(first);
      if (count > 0) {
        this.#size -= count;
        this.#waitMs = FIRST_WAIT_MS;
      }
      if (count < first.length) {
        this.#waiting[0] = first.subarray(count);
        this.#timer = setTimeout(() => this.#pump(), this.#waitMs);
        this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
        break;
      }
      this.#waiting.shift();
    }
    this.#tell();
  }

  #tell(): void {
    for (const drain of this.#drains.splice(0)) {
      if (this.#isClosed || this.#size <= drain.limit) drain.resolve();
      else this.#drains.push(drain);
    }
  }
}
