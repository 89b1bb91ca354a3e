/**
 * Our command line over the real machine, of which the whole process group is killed just before a
 * durable step: `DOOM` names it, as `durable_steps.ts` does.
 */
import process from "node:process";
import { runCommandLine } from "../../../cli/run_command_line.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { watchSteps } from "./step_names.ts";

const drivers = await hostDrivers();
const role = drivers.self.args.includes("report") ? "report" : "daemon";
const before = (step: string): void => {
  if (`${role}: ${step}` === process.env["DOOM"]) process.kill(0, "SIGKILL");
};
const doomed = {
  ...drivers,
  files: watchSteps(drivers.files, before),
  processes: {
    ...drivers.processes,
    startDetached(options: Parameters<typeof drivers.processes.startDetached>[0]): number {
      before("start the sub-updater");
      return drivers.processes.startDetached(options);
    },
  },
};
drivers.self.exit(await runCommandLine(doomed, drivers.self.args));
