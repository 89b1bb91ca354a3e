/**
 * The seam between the rules of this project and the machine it runs on: objects of plain functions,
 * one per kind of resource. Nothing here decides anything. Everything above takes its drivers as a
 * parameter, so that a test can hand in one that loses power, time or the network.
 *
 * @module
 */
import type { HttpDriver, HttpDriverOptions } from "./http/http_driver.ts";
import type { FileDriver } from "./files/file_driver.ts";
import type { ProcessDriver } from "./processes/process_driver.ts";
import type { NetworkDriver } from "./network_driver.ts";
import type { PtyDriver } from "./pty/pty_driver.ts";
import type { SocketDriver } from "./socket_driver.ts";
import type { WebSocketDriver } from "./websocket/websocket_driver.ts";
import type { Clock } from "./clock.ts";
import type { Terminal } from "./terminal/terminal_driver.ts";

/** Source of unpredictable numbers. */
export interface RandomDriver {
  /** A number r with 0 <= r < 1, for jitter; not for secrets. */
  next(): number;
  /** A random UUID, version 4. */
  uuid(): string;
}

/** POSIX signals that the daemon reacts to. */
export type SignalName = "SIGHUP" | "SIGINT" | "SIGTERM" | "SIGUSR1" | "SIGUSR2";

/** Signals sent to this process. */
export interface SignalDriver {
  /** Calls `handler` at each `signal` until the returned function is called. */
  on(signal: SignalName, handler: () => void): () => void;
}

/** The process we are: its standard streams, environment and identity. */
export interface SelfDriver {
  /** ID of this process. */
  readonly pid: number;
  /** Last part of the path by which this program was started; tells the names of links to it apart. */
  readonly programName: string;
  /** Arguments of the command line, without the runtime and the program. */
  readonly args: readonly string[];
  /** Ends this process; nothing after it is run. */
  exit(code: number): never;
  /** Tells what nobody caught, before it ends this process; until the returned function is called. */
  onCrash(handler: (error: unknown) => void): () => void;
  /** User ID of this process. */
  readonly uid: number;
  /** An environment variable, or `undefined` when it is unset or not permitted. */
  env(name: string): string | undefined;
  /** Whether the runtime lets this process connect to a `host:port`. */
  mayReach(address: string): boolean;
  /** Writes to standard output, whole and in order. */
  writeOut(text: string): void;
  /** Writes to standard error, whole and in order. */
  writeError(text: string): void;
  /**
   * Reads standard input to its end.
   *
   * @throws {RangeError} There is more than `maxBytes`.
   * @throws The signal's reason.
   */
  readInput(maxBytes: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Lines of standard input as they come, without their ends; ends early when `signal` is aborted. */
  inputLines(signal: AbortSignal): AsyncIterable<string>;
  /** Columns of the terminal behind the stream, or `undefined` when it is none. */
  terminalColumns(stream: "stdout" | "stderr"): number | undefined;
  /** Whether standard input is a terminal, so that somebody may answer. */
  isInputTerminal(): boolean;
  /**
   * Takes over the terminal behind standard input and output; the caller closes it.
   *
   * @returns Nothing when one of the two is no terminal, or one that cannot be drawn on.
   */
  openTerminal(): Promise<Terminal | undefined>;
  /**
   * Command and first arguments that run a module of this project in a new process.
   *
   * @param permissions Permission flags for Deno; Node has none.
   */
  selfCommand(module: URL, permissions: readonly string[]): string[];
}

/** All drivers of one runtime. */
export interface Drivers {
  /** `deno` or `node`, with its version; for logs and inventory. */
  readonly runtime: { readonly name: "deno" | "node"; readonly version: string };
  /** Files and directories. */
  readonly files: FileDriver;
  /** Other programs. */
  readonly processes: ProcessDriver;
  /** Unix sockets. */
  readonly sockets: SocketDriver;
  /** Time. */
  readonly clock: Clock;
  /** Unpredictable numbers. */
  readonly random: RandomDriver;
  /** Signals sent to this process. */
  readonly signals: SignalDriver;
  /** This process. */
  readonly self: SelfDriver;
  /** WebSocket clients. */
  readonly webSockets: WebSocketDriver;
  /** TCP and UDP connections to anywhere. */
  readonly network: NetworkDriver;
  /** Finds the best way to make pseudo-terminals. */
  pty(): Promise<PtyDriver>;
  /** Makes an HTTP client; the caller closes it. */
  http(options: HttpDriverOptions): Promise<HttpDriver>;
}
