import type {
  SocketConnection,
  SocketDriver,
  SocketListener,
} from "../../../lib/runtime/socket_driver.ts";
import type { MemoryDisk } from "./memory_disk.ts";

/** Unix sockets between the simulated processes of one machine. */
export class MemorySockets {
  readonly #disk: MemoryDisk;
  readonly #listeners = new Map<
    string,
    { owner: object; accept: (peer: SocketConnection) => void }
  >();
  readonly #open = new Set<{ owner: object; cut: () => void }>();

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  /** The sockets of one process. */
  driver(owner: object): SocketDriver {
    return {
      listenUnix: (path, onConnection) => this.#listen(owner, path, onConnection),
      connectUnix: (path) => this.#connect(owner, path),
    };
  }

  /** A process has died: its sockets refuse, its connections break. */
  bury(owner: object): void {
    for (const [path, listener] of this.#listeners) {
      if (listener.owner === owner) this.#listeners.delete(path);
    }
    for (const connection of [...this.#open]) if (connection.owner === owner) connection.cut();
  }

  #listen(
    owner: object,
    path: string,
    accept: (peer: SocketConnection) => void,
  ): Promise<SocketListener> {
    if (this.#disk.stat(path) !== undefined) return Promise.reject(failure("EADDRINUSE"));
    this.#disk.putSocket(path);
    this.#listeners.set(path, { owner, accept });
    return Promise.resolve({
      close: () => {
        this.bury(owner);
        this.#disk.remove(path);
        return Promise.resolve();
      },
    });
  }

  #connect(owner: object, path: string): Promise<SocketConnection> {
    if (this.#disk.stat(path) === undefined) return Promise.reject(failure("ENOENT"));
    const listener = this.#listeners.get(path);
    if (listener === undefined) return Promise.reject(failure("ECONNREFUSED"));
    const [here, there] = [new Pipe(), new Pipe()];
    const cut = (): void => {
      here.end();
      there.end();
    };
    for (const each of [owner, listener.owner]) this.#open.add({ owner: each, cut });
    const ends = { close: cut, abort: cut };
    listener.accept({ readable: there, write: (bytes) => here.push(bytes), ...ends });
    return Promise.resolve({ readable: here, write: (bytes) => there.push(bytes), ...ends });
  }
}

class Pipe implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  #isEnded = false;
  #wake = (): void => {};

  push(chunk: Uint8Array): Promise<void> {
    if (this.#isEnded) return Promise.reject(failure("EPIPE"));
    this.#chunks.push(chunk);
    this.#wake();
    return Promise.resolve();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#isEnded) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
