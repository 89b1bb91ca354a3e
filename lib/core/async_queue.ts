/** What is put in comes out in order, to one reader. */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #isEnded = false;
  #wake = (): void => {};
  #taken = (): void => {};

  /** Items that wait. */
  get size(): number {
    return this.#items.length;
  }

  /** Adds an item; nothing happens once the queue has ended. */
  push(item: T): void {
    if (this.#isEnded) return;
    this.#items.push(item);
    this.#wake();
  }

  /** No further item comes; those that wait are still given out. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
    this.#taken();
  }

  /** Settles when at most `size` items wait, or the queue has ended. For one who waits at a time. */
  async drained(size: number): Promise<void> {
    while (this.#items.length > size && !this.#isEnded) {
      await new Promise<void>((resolve) => this.#taken = resolve);
    }
  }

  /** The next item, or `undefined` at the end. */
  async next(): Promise<T | undefined> {
    while (this.#items.length === 0 && !this.#isEnded) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#take();
  }

  /** Items up to the end. Leaving the loop early leaves the rest in the queue. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      while (this.#items.length > 0) yield this.#take()!;
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  #take(): T | undefined {
    const item = this.#items.shift();
    this.#taken();
    return item;
  }
}
