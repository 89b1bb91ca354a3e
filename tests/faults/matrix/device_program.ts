import { runCommandLine } from "../../../cli/run_command_line.ts";
import type { Clock } from "../../../lib/runtime/clock.ts";
import type { Drivers, SignalName } from "../../../lib/runtime/drivers.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";

const host = await hostDrivers();

/** A line of the log, as `--log-format json` writes it. */
export type LogLine = Readonly<Record<string, unknown>>;

/** What a program of the matrix runs with. */
export interface ProgramOptions {
  /** The device's directory. */
  readonly root: string;
  /** Its clock, which is faster than the world's. */
  readonly clock: Clock;
  /** Puts other drivers in the place of some of the machine's. */
  readonly drivers: (drivers: Drivers) => Drivers;
  /** Told each line of its log. */
  readonly onLog: (line: LogLine) => void;
}

/** One of our commands, whole, in this process: real files, sockets and scripts, and a fast clock. */
export class DeviceProgram {
  /** Its exit code; `undefined` while it runs. */
  code: number | undefined;
  /** What it wrote that was no log line. */
  rest = "";
  /** Settles at its end. */
  readonly ended: Promise<number>;
  readonly #handlers = new Map<SignalName, Set<() => void>>();

  /** Starts it. */
  constructor(options: ProgramOptions, args: readonly string[]) {
    const drivers = options.drivers({
      ...host,
      clock: options.clock,
      random: { ...host.random, next: () => 0.5 },
      signals: {
        on: (signal, handler) => {
          const handlers = this.#handlers.get(signal) ?? new Set();
          this.#handlers.set(signal, handlers.add(handler));
          return () => void handlers.delete(handler);
        },
      },
      self: {
        ...host.self,
        args: [],
        env: () => undefined,
        writeOut: (text) => void (this.rest += text),
        writeError: (text) => this.#takeLines(text, options.onLog),
        exit: () => {
          throw new Error("the program ends by returning");
        },
      },
    });
    const line = ["--root", options.root, "--log-format", "json", ...args];
    this.ended = runCommandLine(drivers, line).then((code) => this.code = code);
  }

  /** Sends it a signal. */
  kill(signal: SignalName): void {
    for (const handler of [...this.#handlers.get(signal) ?? []]) handler();
  }

  #takeLines(text: string, onLog: (line: LogLine) => void): void {
    for (const line of text.split("\n").filter((each) => each !== "")) {
      try {
        onLog(JSON.parse(line));
      } catch {
        this.rest += `${line}\n`;
      }
    }
  }
}
