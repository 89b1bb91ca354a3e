import type { Clock } from "../../runtime/clock.ts";

/** One request that the server saw, without its secrets. */
export interface JournalEntry {
  /** When it was answered: milliseconds since 1970, by the server's clock. */
  readonly at: number;
  /** Method in upper case. */
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  /** Query parameters; signatures of links are masked. */
  readonly query: Readonly<Record<string, string>>;
  /** Request headers, names in lower case; credentials are masked. */
  readonly headers: Readonly<Record<string, string>>;
  /** Status of the answer; 0 when an interceptor gave none. */
  readonly status: number;
  /** `X-MEN-RequestID` of the answer. */
  readonly requestId: string;
  /** Device that a valid token or a good authentication request named. */
  readonly deviceId?: string;
  /** JSON body as it was understood, secrets masked. */
  readonly body?: unknown;
  /** What the client did against the contract, although the real server lets it pass. */
  readonly violation?: string;
}

/** What {@link Journal.waitFor} may be told. */
export interface WaitForOptions {
  /** How long to wait, in milliseconds. */
  readonly timeoutMs: number;
  /** Only entries from this position on count ({@link Journal.position}); default: all kept. */
  readonly from?: number;
}

/** The requests that a server saw, oldest first. */
export class Journal {
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #watchers = new Set<() => void>();
  #entries: JournalEntry[] = [];
  #dropped = 0;

  /** Makes an empty journal that keeps the last `maxEntries` requests. */
  constructor(clock: Clock, maxEntries: number) {
    this.#clock = clock;
    this.#maxEntries = maxEntries;
  }

  /** The entries that are kept. */
  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  /** Number of requests so far, those that are no longer kept included. */
  get position(): number {
    return this.#dropped + this.#entries.length;
  }

  /** Adds a request and wakes whoever waits for one. */
  add(entry: JournalEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length > this.#maxEntries) {
      this.#entries.shift();
      this.#dropped++;
    }
    for (const look of [...this.#watchers]) look();
  }

  /**
   * The first entry that `predicate` accepts, now or later.
   *
   * @throws {Error} None came in time; the message lists the requests that did.
   */
  waitFor(
    predicate: (entry: JournalEntry) => boolean,
    options: WaitForOptions,
  ): Promise<JournalEntry> {
    return new Promise((resolve, reject) => {
      let next = Math.max(0, (options.from ?? 0) - this.#dropped) + this.#dropped;
      const stop = (): void => {
        cancel();
        this.#watchers.delete(look);
      };
      const look = (): void => {
        for (; next < this.position; next++) {
          const entry = this.#entries[next - this.#dropped];
          if (entry === undefined || !predicate(entry)) continue;
          stop();
          resolve(entry);
          return;
        }
      };
      const cancel = this.#clock.after(options.timeoutMs, () => {
        stop();
        reject(new Error(`Cannot find the request within ${options.timeoutMs} ms${this.#seen()}`));
      });
      this.#watchers.add(look);
      look();
    });
  }

  #seen(): string {
    const lines = this.#entries.slice(-20).map((entry) =>
      `\n  ${entry.status} ${entry.method} ${entry.path}${
        entry.body === undefined ? "" : ` ${JSON.stringify(entry.body).slice(0, 120)}`
      }`
    );
    return lines.length === 0 ? ": there was none" : `; the last ones were:${lines.join("")}`;
  }
}
