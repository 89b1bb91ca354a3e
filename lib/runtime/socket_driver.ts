/** One connection of a stream socket. */
export interface SocketConnection {
  /** Bytes as they come; ends when the peer ends, throws when the connection breaks. */
  readonly readable: AsyncIterable<Uint8Array>;
  /** Sends bytes; settles when they were handed to the kernel. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the connection. */
  close(): void;
  /** Ends the connection at once: what was written and not taken yet is dropped. */
  abort(): void;
}

/** A bound Unix socket. */
export interface SocketListener {
  /** Stops listening and closes open connections; the socket file is removed. */
  close(): Promise<void>;
}

/** Unix stream sockets. */
export interface SocketDriver {
  /**
   * Binds a Unix socket (mode 0600) and calls `onConnection` for each peer. Fails with `EADDRINUSE`
   * when the path exists, whoever owns it.
   */
  listenUnix(path: string, onConnection: (peer: SocketConnection) => void): Promise<SocketListener>;
  /** Connects to a Unix socket. */
  connectUnix(path: string, options: { timeoutMs: number }): Promise<SocketConnection>;
}
