import type { Device } from "../../lib/client/device.ts";
import { UsageError } from "../../lib/core/errors.ts";
import { recordOutcome } from "../../lib/deployment/outcome.ts";
import { prepareDataDirectory } from "../../lib/store/data_directory.ts";
import { DeploymentRecordFile, type OutcomeRecord } from "../../lib/store/deployment_record.ts";
import { LockFile } from "../../lib/store/lock_file.ts";
import type { CommandContext } from "../command_context.ts";
import { openDevice } from "../open_device.ts";

/** The outcome is recorded, but the server could not be told yet. */
const NOT_DELIVERED = 3;

/** Options of `report`. */
export interface ReportOptions {
  readonly success?: true | undefined;
  readonly failure?: true | undefined;
  readonly message?: string | undefined;
}

/** Records how the deployment in progress ended, and tells the server. */
export async function report(context: CommandContext, options: ReportOptions): Promise<number> {
  const { drivers, paths, logger } = context;
  if (options.success === options.failure) {
    throw new UsageError("usage.report", "Cannot report: give either --success or --failure");
  }
  const outcome = await describeOutcome(context, options);
  // First of all it is made durable, whatever state network and configuration are in.
  prepareDataDirectory(drivers.files, paths.dataDirectory);
  recordOutcome({
    record: new DeploymentRecordFile(drivers.files, paths.record, logger),
    lock: new LockFile(drivers.files, paths.lock),
  }, outcome);
  const failure = await deliver(context, outcome);
  if (failure === undefined) return 0;
  logger.log(
    "warning",
    `"${outcome.status}" is recorded and will be reported when the server can be reached`,
    {},
    failure.why,
  );
  return NOT_DELIVERED;
}

async function describeOutcome(
  { drivers, logger }: CommandContext,
  options: ReportOptions,
): Promise<OutcomeRecord> {
  const { pid } = drivers.self;
  let reporter: OutcomeRecord["reporter"];
  try {
    reporter = { pid, ...await drivers.processes.identify(pid) };
  } catch (error) {
    // Then a daemon beside us may deliver the same outcome too, which does no harm.
    logger.log("debug", "Cannot tell the daemon that this process delivers the outcome", {}, error);
  }
  return {
    status: options.success === true ? "success" : "failure",
    ...(options.message !== undefined && { message: options.message }),
    ...(reporter !== undefined && { reporter }),
  };
}

/** Tells the server; `undefined` when that is done. */
async function deliver(
  context: CommandContext,
  outcome: OutcomeRecord,
): Promise<{ readonly why: unknown } | undefined> {
  let device: Device | undefined;
  try {
    device = await openDevice(context, context.loadConfig());
    const result = await device.report(outcome, context.signal);
    return result.state === "delivered" ? undefined : result;
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    return { why: error };
  } finally {
    device?.close();
  }
}
