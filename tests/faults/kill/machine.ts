import { randomUUID } from "node:crypto";
import { runCommandLine } from "../../../cli/run_command_line.ts";
import { type Paths, wellKnownPaths } from "../../../lib/config/mod.ts";
import type { Drivers, SignalName } from "../../../lib/runtime/drivers.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import type { HttpDriver } from "../../../lib/runtime/http/http_driver.ts";
import type { RunResult } from "../../../lib/runtime/processes/process_driver.ts";
import { fastClock } from "../../support/fast_clock.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { MemorySockets } from "./memory_sockets.ts";
import { watchSteps } from "./step_names.ts";

const host = await hostDrivers();

/** How much faster than the world the machine's clock runs: a poll interval of a second takes 20 ms. */
const CLOCK_FACTOR = 50;

/** A process has ended in the middle of what it did. */
export class Killed extends Error {}

/** Called before each step that changes something durable; throws, or kills, as a test likes. */
export type StepHook = (step: string, process: SimulatedProcess) => void;

/** One process on the machine. */
export class SimulatedProcess {
  readonly pid: number;
  readonly startTime: string;
  /** Which of our commands it runs; empty for the sub-updater. */
  readonly command: string;
  isAlive = true;
  /** Asks it to end. */
  onTerminate: () => void = () => {};
  /** Settles when it is killed. */
  readonly killed: Promise<void>;
  readonly #onKill: (() => void)[] = [];

  constructor(pid: number, command: string) {
    this.pid = pid;
    this.command = command;
    this.startTime = String(pid * 100);
    this.killed = new Promise((resolve) => this.#onKill.push(resolve));
  }

  /** Ends it at once: nothing that it does from now on has any effect. */
  kill(): void {
    this.isAlive = false;
    for (const tidy of this.#onKill.splice(0)) tidy();
  }

  /** Does something when it is killed. */
  onKill(tidy: () => void): void {
    this.#onKill.push(tidy);
  }

  /** Throws when it does not live any more. */
  mustLive(): void {
    if (!this.isAlive) throw new Killed("killed");
  }
}

/** What a machine is made of. */
export interface MachineOptions {
  readonly serverUrl: string;
  readonly identity: string;
  /** PEM of the device key. */
  readonly key: string;
  /** Keys of `mender.conf` that are different. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** What the sub-updater does once `handoff.sh` has become it. */
  readonly subUpdater: (machine: Machine, process: SimulatedProcess) => Promise<void>;
  /** Told each status before it is sent. */
  readonly onStatus?: (status: string) => void;
}

/**
 * A machine in this process: its disk, its processes, its boots. The programs are ours, whole, from the
 * command line down; the server is reached over real sockets.
 */
export class Machine {
  readonly disk = new MemoryDisk();
  readonly sockets = new MemorySockets(this.disk);
  readonly paths: Paths = wellKnownPaths();
  readonly #options: MachineOptions;
  readonly #processes = new Set<SimulatedProcess>();
  readonly #clock = fastClock(CLOCK_FACTOR);
  readonly output: string[] = [];
  bootId = randomUUID();
  /** How often a sub-updater was started. */
  starts = 0;
  hook: StepHook = () => {};
  /** What the wall clock shows too much; it may jump at any time. */
  clockIsOffByMs = 0;
  #pids = 100;

  constructor(options: MachineOptions) {
    this.#options = options;
    const { disk, paths } = this;
    disk.put(
      paths.mainConfig,
      JSON.stringify({
        ServerURL: options.serverUrl,
        UpdatePollIntervalSeconds: 1,
        RetryPollIntervalSeconds: 2,
        InventoryPollIntervalSeconds: 3600,
        DBus: { Enabled: false },
        ...options.config,
      }),
    );
    disk.put(paths.artifactInfo, "artifact_name=release-1\n");
    disk.put(paths.deviceType, "device_type=acme-box\n");
    disk.put(paths.key, options.key, 0o600);
    disk.put(paths.identityFormat, "scalar\n", 0o600);
    disk.put(paths.identityScript, "", 0o755);
    disk.put(paths.installScript, "", 0o755);
    disk.put(`${paths.inventoryDirectory}/.keep`, "");
  }

  /** Runs one of our commands to its end; `undefined` when it was killed. */
  async run(...args: readonly string[]): Promise<number | undefined> {
    const process = this.#spawn(args[0]);
    const closers: (() => void)[] = [];
    const drivers = this.#driversOf(process, closers);
    try {
      return await Promise.race([
        runCommandLine(drivers, args),
        process.killed.then(() => undefined),
      ]);
    } finally {
      process.kill();
      for (const close of closers) close();
    }
  }

  /** Waits until no sub-updater runs. */
  async subUpdaterEnds(): Promise<void> {
    for (const process of [...this.#processes]) if (process.command === "") await process.killed;
  }

  /** Asks the daemon that runs to end. */
  terminate(): void {
    for (const process of this.#processes) if (process.command === "daemon") process.onTerminate();
  }

  /**
   * Ends all processes; the machine starts again.
   *
   * @param survives After a power cut, says of each change that was not synced whether it is there all
   * the same; without it the reboot is an orderly one.
   */
  reboot(survives?: () => boolean): void {
    for (const process of this.#processes) process.kill();
    if (survives === undefined) this.disk.syncAll();
    else this.disk.cutPower(survives);
    this.bootId = randomUUID();
  }

  #spawn(command = ""): SimulatedProcess {
    const process = new SimulatedProcess(++this.#pids, command);
    this.#processes.add(process);
    process.onKill(() => {
      this.#processes.delete(process);
      this.sockets.bury(process);
    });
    return process;
  }

  #driversOf(process: SimulatedProcess, closers: (() => void)[]): Drivers {
    const { disk } = this;
    const write = (text: string): void => {
      process.mustLive();
      this.output.push(text);
    };
    return {
      runtime: host.runtime,
      files: guarded(
        process,
        watchSteps(disk, (step) => {
          this.hook(step, process);
          process.mustLive();
        }),
      ),
      processes: {
        run: ({ command }) => this.#runScript(process, command),
        startDetached: ({ args }) => {
          this.hook("start the sub-updater", process);
          process.mustLive();
          return this.#handOff(args);
        },
        start: () => {
          throw new Error("no command of a device starts a child");
        },
        identify: (pid) => {
          process.mustLive();
          const found = [...this.#processes].find((each) => each.pid === pid);
          return Promise.resolve({ bootId: this.bootId, startTime: found?.startTime });
        },
      },
      sockets: this.sockets.driver(process),
      webSockets: host.webSockets,
      network: host.network,
      pty: host.pty,
      clock: {
        now: () => this.#clock.now() + this.clockIsOffByMs,
        monotonic: () => this.#clock.monotonic(),
        after: (delayMs, callback) => {
          if (!process.isAlive) return () => {};
          const cancel = this.#clock.after(delayMs, () => process.isAlive && callback());
          process.onKill(cancel);
          return cancel;
        },
      },
      random: host.random,
      signals: {
        on: (signal: SignalName, handler: () => void) => {
          if (signal === "SIGTERM") process.onTerminate = handler;
          return () => {};
        },
      },
      self: {
        pid: process.pid,
        programName: "mender-deno",
        args: [],
        uid: 0,
        onCrash: () => () => {},
        exit: () => {
          throw new Error("the program ends by returning");
        },
        env: () => undefined,
        writeOut: write,
        writeError: write,
        readInput: () => Promise.resolve(new Uint8Array()),
        inputLines: async function* () {},
        isInputTerminal: () => false,
        openTerminal: () => Promise.resolve(undefined),
        terminalColumns: () => undefined,
        selfCommand: () => [],
        mayReach: () => true,
      },
      http: async (options) => {
        const http = await host.http(options);
        let isOpen = true;
        const close = (): void => {
          if (isOpen) http.close();
          isOpen = false;
        };
        closers.push(close);
        return this.#watchedHttp(process, http, close);
      },
    };
  }

  #watchedHttp(process: SimulatedProcess, http: HttpDriver, close: () => void): HttpDriver {
    return {
      send: async (request) => {
        process.mustLive();
        if (request.url.endsWith("/status")) {
          const body = new TextDecoder().decode(request.body as Uint8Array);
          this.#options.onStatus?.(JSON.parse(body).status);
        }
        const response = await http.send(request);
        if (!process.isAlive) {
          await response.body?.cancel();
          throw new Killed("killed");
        }
        return response;
      },
      close,
    };
  }

  #runScript(process: SimulatedProcess, command: string): Promise<RunResult> {
    process.mustLive();
    const stdout = command === this.paths.identityScript ? this.#options.identity : "";
    return Promise.resolve({
      code: 0,
      isTimedOut: false,
      stdout: new TextEncoder().encode(stdout),
      stderr: new Uint8Array(),
      isTruncated: false,
    });
  }

  /** What `handoff.sh` does, step by step, in a process of its own; see there. */
  #handOff([marker = "", log = ""]: readonly string[]): number {
    const process = this.#spawn();
    const turn = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      process.mustLive();
    };
    const work = async (): Promise<void> => {
      const { disk } = this;
      await turn();
      const beside = `${marker}.${process.pid}`;
      const text = `${process.pid}\n${this.bootId}\n${process.startTime}\n`;
      const handle = disk.open(beside, "create");
      handle.write(new TextEncoder().encode(text));
      handle.sync();
      const isFirst = disk.stat(marker) === undefined;
      if (isFirst) disk.link(beside, marker);
      disk.remove(beside);
      if (!isFirst) return;
      disk.syncDirectory(this.paths.dataDirectory);
      disk.remove(log);
      // At once: whatever the client does after the marker comes too late for the sub-updater.
      this.starts++;
      await this.#options.subUpdater(this, process);
    };
    work().catch((error) => {
      if (!(error instanceof Killed)) this.output.push(`sub-updater: ${error?.stack ?? error}\n`);
    }).finally(() => process.kill());
    return process.pid;
  }
}

/** Refuses every call of a process that is dead. */
function guarded<T extends object>(process: SimulatedProcess, target: T): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        process.mustLive();
        const result: unknown = value.apply(object, args);
        return name === "open" ? guarded(process, result as object) : result;
      };
    },
  });
}
