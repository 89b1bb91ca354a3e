import { runCommandLine } from "../../cli/run_command_line.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { fastClock } from "./fast_clock.ts";
import type { CommandEnd } from "./installed_command.ts";

/** How much faster than the world the clock of these commands runs. */
const CLOCK_FACTOR = 40;

/** What is different from the machine for one command. */
export interface CommandHereOptions {
  /** Standard input; empty when absent. */
  readonly input?: string | Uint8Array | undefined;
  /** Variables of the environment; no others are seen. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Puts other drivers in the place of some of the machine's. */
  readonly drivers?: ((drivers: Drivers) => Drivers) | undefined;
  /** Columns of the terminal behind both outputs; `undefined`: there is none. */
  readonly columns?: number | undefined;
}

/** Runs a command line in this process: its outputs are kept, signals do not reach it. */
export async function runHere(
  args: readonly string[],
  options: CommandHereOptions = {},
): Promise<CommandEnd> {
  const host = await hostDrivers();
  const parts = { stdout: "", stderr: "" };
  const { input = "", env = {} } = options;
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  const drivers: Drivers = {
    ...host,
    clock: fastClock(CLOCK_FACTOR),
    signals: { on: () => () => {} },
    self: {
      ...host.self,
      onCrash: () => () => {},
      env: (name) => env[name],
      writeOut: (text) => void (parts.stdout += text),
      writeError: (text) => void (parts.stderr += text),
      terminalColumns: () => options.columns,
      isInputTerminal: () => false,
      openTerminal: () => Promise.resolve(undefined),
      readInput: (maxBytes) =>
        bytes.length <= maxBytes
          ? Promise.resolve(bytes)
          : Promise.reject(new RangeError(`Cannot read standard input: wanted ${maxBytes} bytes`)),
      async *inputLines() {
        yield* new TextDecoder().decode(bytes).split("\n").filter((line) => line !== "");
      },
    },
  };
  const code = await runCommandLine(options.drivers?.(drivers) ?? drivers, args);
  return { code, ...parts };
}
