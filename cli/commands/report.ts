import type { Device } from "../../lib/device/device.ts";
import { HandoffError, messageOf, UsageError } from "../../lib/core/errors.ts";
import { byHolder } from "../../lib/daemon/by_holder.ts";
import type {
  ANNOUNCED_STATUSES,
  ControlAnswer,
  ControlRequest,
} from "../../lib/daemon/control/protocol.ts";
import { deploymentFiles } from "../../lib/deployment/deployment_files.ts";
import { deploymentInProgress, recordOutcome } from "../../lib/deployment/record_outcome.ts";
import { prepareDataDirectory } from "../../lib/store/data_directory.ts";
import type { OutcomeRecord } from "../../lib/store/outcome_file.ts";
import type { CommandContext } from "../command_context.ts";

/** It is recorded, but the server could not be told yet. */
const NOT_DELIVERED = 3;

type AnnouncedStatus = typeof ANNOUNCED_STATUSES[number];

/** Options of `report`. */
export interface ReportOptions {
  readonly success?: true | undefined;
  readonly failure?: true | undefined;
  readonly status?: AnnouncedStatus | undefined;
  readonly message?: string | undefined;
}

/** Records how the deployment in progress ended, or goes on, and tells the server. */
export async function report(context: CommandContext, options: ReportOptions): Promise<number> {
  const { drivers, paths } = context;
  const { success, failure, status, message } = options;
  if ([success, failure, status].filter((each) => each !== undefined).length !== 1) {
    throw new UsageError(
      "usage.report",
      "Cannot report: give one of --success, --failure and --status",
    );
  }
  // First of all it is made durable, whatever state network and configuration are in.
  prepareDataDirectory(drivers.files, paths.dataDirectory);
  if (status !== undefined) return await announce(context, status);
  const outcome: OutcomeRecord = {
    status: success === true ? "success" : "failure",
    // It is stored as it is logged.
    ...(message !== undefined && { message: context.redactor.redact(message) }),
  };
  return await reportOutcome(context, outcome);
}

async function reportOutcome(context: CommandContext, outcome: OutcomeRecord): Promise<number> {
  const { drivers, paths, logger } = context;
  const files = deploymentFiles(drivers.files, paths, logger);
  const deployment = recordOutcome(files, outcome);
  const answer = await deliver(
    context,
    { v: 1, do: "report", deployment },
    async (device) => {
      const result = await device.deliverReport(deployment, context.signal);
      if (result.state === "delivered") return { ok: true, state: "delivered" };
      throw result.why;
    },
  );
  if ("why" in answer) {
    logger.log(
      "warning",
      `"${outcome.status}" is recorded and will be reported when the server can be reached`,
      { deployment },
      answer.why,
    );
    return NOT_DELIVERED;
  }
  return 0;
}

async function announce(context: CommandContext, status: AnnouncedStatus): Promise<number> {
  const { drivers, paths, logger } = context;
  const { id: deployment } = deploymentInProgress(deploymentFiles(drivers.files, paths, logger));
  const answer = await deliver(
    context,
    { v: 1, do: "announce", deployment, status },
    async (device) => ({
      ok: true,
      result: await device.announce(deployment, status, context.signal),
    }),
  );
  if ("why" in answer) {
    logger.log("warning", `"${status}" could not be reported yet`, { deployment }, answer.why);
    return NOT_DELIVERED;
  }
  if (answer["result"] === "gone") {
    throw new HandoffError(
      "handoff.ended-by-server",
      `Cannot report "${status}": the server has ended this deployment`,
      { hint: "Roll back what was installed, then report --failure", retry: "never" },
    );
  }
  return 0;
}

/** Has it done by the daemon, or here; gives the reason when the server could not be told. */
async function deliver(
  context: CommandContext,
  request: ControlRequest,
  work: (device: Device) => Promise<ControlAnswer>,
): Promise<Extract<ControlAnswer, { ok: true }> | { readonly why: unknown }> {
  const { drivers, paths, logger, signal } = context;
  let answer: ControlAnswer;
  try {
    answer = await byHolder({
      drivers,
      path: paths.controlSocket,
      request,
      logger,
      signal,
      here: () => withDevice(context, work),
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HandoffError) throw error;
    return { why: error };
  }
  if (!answer.ok) {
    if (!answer.code.startsWith("handoff.")) return { why: new Error(answer.message) };
    throw new HandoffError(answer.code, answer.message, { retry: "never" });
  }
  return answer["state"] === "recorded" ? { why: new Error(messageOf(answer["why"])) } : answer;
}

async function withDevice<T>(
  context: CommandContext,
  work: (device: Device) => Promise<T>,
): Promise<T> {
  // Only when no daemon does it: this is most of the program.
  const { openDevice } = await import("../open_device.ts");
  const device = await openDevice(context, context.loadConfig());
  try {
    return await work(device);
  } finally {
    device.close();
  }
}
