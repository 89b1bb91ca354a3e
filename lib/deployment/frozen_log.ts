import { join } from "../core/posix_path.ts";
import type { DeploymentLogMessage } from "../api/deployment_calls.ts";
import { isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { DeploymentLog } from "../log/deployment_log.ts";
import { writeFileAtomic } from "../runtime/files/atomic_file.ts";
import { readText } from "../runtime/files/file_driver.ts";
import { readTextTail } from "../runtime/files/text_tail.ts";
import { storeFailure } from "../store/store_failure.ts";
import type { DeploymentContext } from "./context.ts";
import { logMessages } from "./deployment_log_upload.ts";

/** More of the sub-updater's log is never read: more could not be uploaded. */
const MAX_SUB_UPDATER_LOG_BYTES = 1 << 20;
const MAX_FROZEN_BYTES = 4 << 20;

const FROZEN_NAME = /^\.?log-upload\.[0-9A-Fa-f-]{1,64}\.json/;

/**
 * The messages that are uploaded for a failed deployment. They are put together once, when the failure is
 * first delivered, and kept as `log-upload.<id>.json`: however late the server can be reached, it is told
 * what was known then, whatever has been written to the logs since.
 *
 * @returns At least one message; secrets are masked.
 */
export function frozenLog(
  context: DeploymentContext,
  deploymentId: string,
  logger: Logger,
): readonly DeploymentLogMessage[] {
  const path = frozenPath(context, deploymentId);
  const kept = readKept(context, path);
  if (kept !== undefined) return kept;
  const messages = putTogether(context, deploymentId, logger);
  try {
    writeFileAtomic(context.drivers.files, path, JSON.stringify(messages));
  } catch (error) {
    const failure = storeFailure("keep the log that is to be uploaded", path, error);
    logger.log("warning", "The log may be uploaded with later lines in it", {}, failure);
  }
  return messages;
}

/** Paths of all that is kept for uploads. */
export function frozenLogs(context: DeploymentContext): string[] {
  const { dataDirectory } = context.paths;
  return context.drivers.files.list(dataDirectory)
    .filter((name) => FROZEN_NAME.test(name))
    .map((name) => join(dataDirectory, name));
}

function frozenPath(context: DeploymentContext, deploymentId: string): string {
  return join(context.paths.dataDirectory, `log-upload.${deploymentId}.json`);
}

function readKept(
  context: DeploymentContext,
  path: string,
): readonly DeploymentLogMessage[] | undefined {
  try {
    const kept: unknown = JSON.parse(
      readText(context.drivers.files, path, MAX_FROZEN_BYTES) ?? "null",
    );
    return isMessageList(kept) ? kept : undefined;
  } catch (error) {
    if (isMenderError(error)) throw error;
    return undefined; // damaged: it is put together again
  }
}

function isMessageList(value: unknown): value is DeploymentLogMessage[] {
  const isText = (part: unknown): boolean => typeof part === "string" && part !== "";
  return Array.isArray(value) && value.length > 0 &&
    value.every((each) => isText(each?.timestamp) && isText(each?.level) && isText(each?.message));
}

function putTogether(
  context: DeploymentContext,
  deploymentId: string,
  logger: Logger,
): DeploymentLogMessage[] {
  const { files, clock } = context.drivers;
  // The outcome is what counts: a log that cannot be read must not hold up all that follows.
  const readable = (what: string, read: () => string | undefined): string => {
    try {
      return read() ?? "";
    } catch (error) {
      logger.log("warning", `Cannot read the ${what}; it is not uploaded`, {}, error);
      return "";
    }
  };
  const subUpdaterLog = readable(
    "log of the sub-updater",
    () =>
      readTextTail(files, context.paths.subUpdaterLog, MAX_SUB_UPDATER_LOG_BYTES, { follow: true }),
  );
  const ownLog = readable(
    "deployment log",
    () => DeploymentLog.find(files, context.logDirectory, deploymentId)?.read(),
  );
  return logMessages(
    context.redact(ownLog),
    context.redact(subUpdaterLog),
    new Date(clock.now()).toISOString(),
  );
}
