import { type Logger, withFields } from "../core/logger.ts";
import { DeploymentLog } from "../log/deployment_log.ts";
import { storeFailure } from "../store/store_failure.ts";
import type { DeploymentContext } from "./context.ts";

/** The logger of a deployment: it writes to the deployment's own log too. */
export function deploymentLogger(context: DeploymentContext, deploymentId: string): Logger {
  const fields = { deployment: deploymentId };
  try {
    const log = DeploymentLog.open(context.drivers.files, context.logDirectory, deploymentId);
    return withFields(context.loggerWith(log.sink), fields);
  } catch (error) {
    const failure = storeFailure("open the deployment log", context.logDirectory, error);
    context.logger.log("error", "The deployment goes on without a log of its own", fields, failure);
    return withFields(context.logger, fields);
  }
}
