import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { wellKnownPaths } from "../../lib/config/paths.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { programModules } from "../../lib/runtime/project_directory.ts";
import type { Ended } from "./client_rig.ts";
import { PseudoTerminal } from "./pseudo_terminal.ts";
import { type BusRules, type SystemBus, withSystemBus } from "./system_bus.ts";
import { inTemporaryDirectory } from "./temporary.ts";

const { self } = await hostDrivers();
const LIMIT_MS = 60_000;

/** A `flow` that runs. */
export interface RunningFlow {
  readonly ended: Promise<Ended>;
  /** What it wrote so far, by stream. */
  readonly wrote: { stdout: string; stderr: string };
  kill(signal: NodeJS.Signals): void;
}

/**
 * The command `flow` as a process of its own beside a bus: on Deno under its permission set, with the
 * paths of the rig in place of the system's.
 */
export class FlowRig {
  readonly dir: string;
  readonly bus: SystemBus;
  readonly idPath: string;
  readonly #running = new Set<{ kill(signal: NodeJS.Signals): void; ended: Promise<unknown> }>();

  constructor(dir: string, bus: SystemBus) {
    this.dir = dir;
    this.bus = bus;
    const { dataDirectory, controlMapId } = wellKnownPaths({ root: dir });
    mkdirSync(dataDirectory, { recursive: true });
    this.idPath = controlMapId;
  }

  /** Program and arguments of a `flow` command. */
  command(...args: readonly string[]): [program: string, ...args: string[]] {
    return this.permitted([], args);
  }

  /** The same, with further permissions. */
  permitted(
    permissions: readonly string[],
    args: readonly string[],
  ): [program: string, ...args: string[]] {
    const { socket } = this.bus;
    const [program = "", ...first] = self.selfCommand(
      new URL("../../cli/main.ts", import.meta.url),
      [
        "--permission-set=flow",
        "--no-prompt",
        `--allow-read=${
          [socket, this.idPath, join(this.dir, "maps"), ...programModules()].join(",")
        }`,
        `--allow-write=${[socket, this.idPath].join(",")}`,
        `--allow-net=unix:${socket}`,
        ...permissions,
      ],
    );
    return [program, ...first, "--root", this.dir, "flow", ...args];
  }

  /** The environment of the command. */
  env(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    return {
      ...process.env,
      TERM: "xterm",
      NO_COLOR: "1",
      DBUS_SYSTEM_BUS_ADDRESS: this.bus.address,
      ...more,
    };
  }

  /** Writes a file that the command may read, and gives its path. */
  file(name: string, content: string): string {
    mkdirSync(join(this.dir, "maps"), { recursive: true });
    const path = join(this.dir, "maps", name);
    writeFileSync(path, content);
    return path;
  }

  /** Starts a command; `input` is its standard input. */
  start(
    args: readonly string[],
    input = "",
    env: Readonly<Record<string, string>> = {},
    permissions: readonly string[] = [],
  ): RunningFlow {
    const [program, ...rest] = this.permitted(permissions, args);
    const child = spawn(program, rest, { env: this.env(env), stdio: ["pipe", "pipe", "pipe"] });
    const wrote = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => wrote.stdout += String(chunk));
    child.stderr.on("data", (chunk) => wrote.stderr += String(chunk));
    child.stdin.on("error", () => {}); // it need not read it
    child.stdin.end(input);
    const kill = (signal: NodeJS.Signals): void => void process.kill(child.pid!, signal);
    const ended = new Promise<Ended>((resolve) => {
      const limit = setTimeout(() => kill("SIGKILL"), LIMIT_MS);
      child.on("close", (code, signal) => {
        clearTimeout(limit);
        this.#running.delete(entry);
        resolve({ code, signal, ...wrote });
      });
    });
    const entry = { kill, ended };
    this.#running.add(entry);
    return { ended, wrote, kill };
  }

  /** Runs a command to its end. */
  run(
    args: readonly string[],
    input = "",
    env: Readonly<Record<string, string>> = {},
    permissions: readonly string[] = [],
  ): Promise<Ended> {
    return this.start(args, input, env, permissions).ended;
  }

  /** Runs a command in a terminal while `body` runs. */
  async inTerminal(
    args: readonly string[],
    body: (terminal: PseudoTerminal) => Promise<void>,
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const terminal = new PseudoTerminal(this.command(...args), this.env(env));
    try {
      await body(terminal);
    } finally {
      await terminal.close();
    }
  }

  /** Ends what still runs. */
  async stop(): Promise<void> {
    for (const { kill } of this.#running) kill("SIGKILL");
    await Promise.all([...this.#running].map(({ ended }) => ended));
  }
}

/** Runs a test body with a rig. */
export function withFlowRig(
  body: (rig: FlowRig) => Promise<void>,
  rules: BusRules = {},
): Promise<void> {
  return inTemporaryDirectory((dir) =>
    withSystemBus(dir, rules, async (bus) => {
      const rig = new FlowRig(dir, bus);
      try {
        await body(rig);
      } finally {
        await rig.stop();
      }
    })
  );
}
