/** A TCP connection, each direction of which ends by itself. */
export interface TcpConnection {
  /** Bytes as they come; ends when the peer ends its direction, throws when the connection breaks. */
  readonly readable: AsyncIterable<Uint8Array>;
  /**
   * Sends bytes; settles when they are with the kernel, rejects when the connection is broken.
   *
   * @returns `undefined` when they are with the kernel already, as they usually are.
   */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Ends our direction, behind what was written. */
  end(): void;
  /** Cuts the connection. */
  destroy(): void;
  /** Settles once both directions have ended, or the connection was cut. */
  readonly closed: Promise<void>;
}

/** A UDP socket with one peer. */
export interface UdpConnection {
  /** Datagrams of the peer; ends when the socket is closed. Those that nobody takes in time are lost. */
  readonly readable: AsyncIterable<Uint8Array>;
  /** Sends a datagram; rejects when it cannot be sent. */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes the socket. */
  destroy(): void;
}

/** Where a connection leads, and how long it may take to come about. */
export interface ConnectOptions {
  /** Name or address. */
  readonly host: string;
  /** Port. */
  readonly port: number;
  /** Limit for the name and the connection, in milliseconds. */
  readonly limitMs: number;
}

/** Outgoing connections to anywhere. They reject with the runtime's error. */
export interface NetworkDriver {
  /** Connects by TCP. */
  connectTcp(options: ConnectOptions): Promise<TcpConnection>;
  /** Makes a UDP socket for one peer. */
  connectUdp(options: ConnectOptions): Promise<UdpConnection>;
}
