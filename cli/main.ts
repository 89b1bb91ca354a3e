/**
 * Entry of the command line.
 *
 * @module
 */
import { hostDrivers } from "../lib/runtime/host.ts";
import { runCommandLine } from "./run_command_line.ts";

const drivers = await hostDrivers();
drivers.self.exit(await runCommandLine(drivers, drivers.self.args));
