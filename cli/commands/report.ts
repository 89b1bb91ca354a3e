import { UsageError } from "../../lib/core/errors.ts";
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
  if (options.success === options.failure) {
    throw new UsageError("usage.report", "Cannot report: give either --success or --failure");
  }
  const status = options.success === true ? "success" : "failure";
  const device = await openDevice(context, context.loadConfig());
  try {
    const outcome = {
      status: status as "success" | "failure",
      ...(options.message !== undefined && { message: options.message }),
    };
    const result = await device.report(outcome, context.signal);
    if (result.state === "delivered") return 0;
    context.logger.log(
      "warning",
      `"${status}" is recorded and will be reported when the server can be reached`,
      {},
      result.why,
    );
    return NOT_DELIVERED;
  } finally {
    device.close();
  }
}
