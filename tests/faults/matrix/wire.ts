import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What becomes of a connection once it is struck. */
export type Blow = "reset" | "fin" | "silence" | "drip";

interface Line {
  readonly client: Socket;
  readonly upstream: Socket;
  blow: Blow | undefined;
  /** A blow that falls once so many bytes more have got to the device. */
  later: { readonly blow: Blow; bytes: number } | undefined;
}

/** A blow for connections that there may not be yet. */
interface NextBlow {
  readonly blow: Blow;
  times: number;
  readonly onStrike: () => void;
  readonly afterBytes: number | undefined;
}

/** Bytes that a dripping line passes at a time. */
const DRIP_BYTES = 20_000;
const DRIP_MS = 20;

/**
 * The cable between a device and its server: a relay on a port that stays the same, whatever stands
 * behind it, and that can be cut, pulled or made slow.
 */
export class Wire {
  #target: number;
  #server: Server | undefined;
  #port = 0;
  readonly #lines = new Set<Line>();
  #next: NextBlow | undefined;
  #passedBytes = 0;

  /** Makes a wire to a port of this machine; nothing listens yet. */
  constructor(target: number) {
    this.#target = target;
  }

  /** Port at which the device finds its server. */
  get port(): number {
    return this.#port;
  }

  /** Bytes that have got to the device. */
  get passedBytes(): number {
    return this.#passedBytes;
  }

  /** Another server stands behind the wire from now on; open connections end. */
  leadTo(target: number): void {
    this.#target = target;
    this.hangUp();
  }

  /** Listens, at the port of before when there was one. */
  async open(): Promise<void> {
    const server = createServer((client) => this.#take(client));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Connections are refused from now on, and open ones end. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.hangUp();
    await closed;
  }

  /**
   * Strikes the next connections on which the device sends something: before it gets there or, with
   * `afterBytes`, once the device has got so many bytes of what comes back.
   */
  strikeNext(
    blow: Blow,
    times: number,
    onStrike: () => void = () => {},
    afterBytes?: number,
  ): void {
    this.#next = { blow, times, onStrike, afterBytes };
  }

  /** Strikes the connections that are open now, once so many bytes more have got to the device. */
  strikeOpenAfter(bytes: number, blow: Blow): number {
    for (const line of this.#lines) line.later = { blow, bytes };
    return this.#lines.size;
  }

  /** Strikes all connections that are open now; gives how many those are. */
  strikeOpen(blow: Blow): number {
    const struck = [...this.#lines];
    for (const line of struck) this.#strike(line, blow);
    return struck.length;
  }

  /** Strikes nothing any more, and ends what was struck. */
  heal(): void {
    this.#next = undefined;
    for (const line of this.#lines) {
      if (line.blow !== undefined || line.later !== undefined) line.client.destroy();
    }
  }

  /** Ends all connections. */
  hangUp(): void {
    for (const { client } of this.#lines) client.destroy();
  }

  #take(client: Socket): void {
    const upstream = connect(this.#target, "127.0.0.1");
    const line: Line = { client, upstream, blow: undefined, later: undefined };
    this.#lines.add(line);
    client.on("data", (chunk) => {
      if (line.blow === undefined && line.later === undefined) this.#takeNext(line);
      if (line.blow === undefined || line.blow === "drip") upstream.write(chunk);
    });
    upstream.on("data", (chunk: Uint8Array) => {
      if (line.blow === undefined) this.#pass(line, chunk);
      else if (line.blow === "drip") drip(line, chunk);
    });
    for (const socket of [client, upstream]) socket.on("error", () => socket.destroy());
    upstream.on("close", () => {
      if (line.blow === undefined) client.end();
    });
    client.on("close", () => {
      this.#lines.delete(line);
      upstream.destroy();
    });
  }

  #takeNext(line: Line): void {
    const next = this.#next;
    if (next === undefined || next.times === 0) return;
    next.times--;
    next.onStrike();
    if (next.afterBytes === undefined) this.#strike(line, next.blow);
    else line.later = { blow: next.blow, bytes: next.afterBytes };
  }

  #pass(line: Line, chunk: Uint8Array): void {
    const { later } = line;
    const passed = later === undefined ? chunk : chunk.subarray(0, later.bytes);
    line.client.write(passed);
    this.#passedBytes += passed.length;
    if (later === undefined) return;
    later.bytes -= passed.length;
    if (later.bytes === 0) this.#strike(line, later.blow);
  }

  #strike(line: Line, blow: Blow): void {
    line.blow = blow;
    if (blow === "reset") line.client.resetAndDestroy();
    if (blow === "fin") line.client.destroy();
  }
}

/** Passes bytes a few at a time; the source waits meanwhile. */
function drip({ client, upstream }: Line, chunk: Uint8Array): void {
  upstream.pause();
  const send = (from: number): void => {
    if (client.destroyed) return;
    client.write(chunk.subarray(from, from + DRIP_BYTES));
    if (from + DRIP_BYTES < chunk.length) setTimeout(() => send(from + DRIP_BYTES), DRIP_MS);
    else setTimeout(() => upstream.resume(), DRIP_MS);
  };
  send(0);
}
