/**
 * Entry of the command line.
 *
 * @module
 */
import "../lib/runtime/claim_signals.ts";

// Loaded later than the line above, not merely after it: static imports are all loaded before the first
// one is run, and a signal that arrives meanwhile would find nobody.
const { hostDrivers } = await import("../lib/runtime/host.ts");
const { runCommandLine } = await import("./run_command_line.ts");
const { argumentsAs } = await import("./called_as.ts");

const drivers = await hostDrivers();
const args = argumentsAs(drivers.self.programName, drivers.self.args);
drivers.self.exit(await runCommandLine(drivers, args));
