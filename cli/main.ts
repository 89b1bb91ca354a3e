/**
 * Entry of the command line.
 *
 * @module
 */
import { VERSION } from "../lib/core/version.ts";
import { rawArguments } from "../lib/runtime/raw_arguments.ts";

const [first, ...others] = rawArguments();

// Scripts ask for it often: it is told before anything is loaded.
if ((first === "--version" || first === "-v") && others.length === 0) {
  try {
    console.log(`mender-deno ${VERSION}`);
  } catch {
    await run(); // it says what is wrong with standard output
  }
} else await run();

async function run(): Promise<void> {
  // Alone and before the rest is loaded: a signal that arrives meanwhile would find nobody.
  await import("../lib/runtime/claim_signals.ts").catch(refuseToStart);
  const { hostDrivers } = await import("../lib/runtime/host.ts");
  const { runCommandLine } = await import("./run_command_line.ts");
  const { argumentsAs } = await import("./called_as.ts");
  const drivers = await hostDrivers();
  const args = argumentsAs(drivers.self.programName, drivers.self.args);
  drivers.self.exit(await runCommandLine(drivers, args));
}

/** What a command needs is loaded while it runs, by modules that it may read. */
function refuseToStart(cause: unknown): never {
  // Compiled it is one level deeper, in lib/program.
  const home = import.meta.url.endsWith(".ts") ? ".." : "../..";
  const [cli, lib] = ["cli", "lib"].map((path) =>
    new URL(`${home}/${path}`, import.meta.url).pathname
  );
  throw new Error(
    `Cannot load the program; may it read itself, as by --allow-read=${cli},${lib}?`,
    {
      cause,
    },
  );
}
