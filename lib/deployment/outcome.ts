import { sendDeploymentLog, sendStatus } from "../api/deployment_calls.ts";
import { HandoffError, isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { DeploymentLog } from "../log/deployment_log.ts";
import { readTextTail } from "../runtime/files/text_tail.ts";
import type { DeploymentRecord, OutcomeRecord } from "../store/deployment_record.ts";
import type { DeploymentContext } from "./context.ts";
import { logMessages } from "./deployment_log_upload.ts";
import { discardDownload } from "./fetch_artifact.ts";
import { isHandedOverHere } from "./found_at_start.ts";

/** More of the sub-updater's log is never read: more could not be uploaded. */
const MAX_SUB_UPDATER_LOG_BYTES = 1 << 20;

/**
 * Records how the deployment in progress ended. Known are the deployment of the record, and one that
 * only the lock names (handed over by mender-python-client, or the record was lost).
 *
 * @returns The record; the outcome is durable.
 * @throws {HandoffError} `handoff.no-deployment`: nothing is in progress.
 * `handoff.already-reported`: the opposite was recorded before; that stands.
 */
export function recordOutcome(
  context: Pick<DeploymentContext, "record" | "lock">,
  outcome: OutcomeRecord,
): DeploymentRecord {
  const record = deploymentInProgress(context);
  if (record.outcome !== undefined) {
    if (record.outcome.status === outcome.status) return record;
    throw new HandoffError(
      "handoff.already-reported",
      `Cannot report "${outcome.status}" for deployment ${record.id}: "${record.outcome.status}" was reported before`,
      { retry: "never" },
    );
  }
  return context.record.advance(record, "outcome_recorded", { outcome });
}

/**
 * Tells the server the recorded outcome, and on failure uploads the logs; then removes the Artifact.
 * What the server has accepted already is not sent again, unless it offers the deployment anew.
 *
 * @param logger Of the deployment.
 * @returns The record, `acknowledged`; also when the server has ended the deployment meanwhile.
 * @throws What the session throws; the outcome stays recorded and is to be delivered later.
 */
export async function deliverOutcome(
  context: DeploymentContext,
  record: DeploymentRecord,
  logger: Logger,
  options: { signal?: AbortSignal | undefined; isOfferedAgain?: boolean } = {},
): Promise<DeploymentRecord> {
  const { clock } = context.drivers;
  const status = record.outcome?.status;
  if (status === undefined) throw new TypeError("Cannot deliver an outcome that is not recorded");
  if (record.phase === "acknowledged" && options.isOfferedAgain !== true) {
    logger.log("info", `"${status}" was reported to the server before`);
    return record;
  }
  let delivered = record;
  let isGone = false;
  if (options.isOfferedAgain === true || !record.acknowledged.includes(status)) {
    logger.log("info", `Reporting "${status}" to the server`);
    const answer = await sendStatus(context.session, clock, record.id, status, options.signal);
    isGone = answer === "gone";
    if (!isGone) delivered = context.record.acknowledge(record, status);
    else logger.log("warning", "The server has ended this deployment already; it takes no report");
  }
  if (status === "failure" && !isGone) await uploadLogs(context, record, logger, options.signal);
  if (delivered.phase === "outcome_recorded") {
    delivered = context.record.advance(delivered, "acknowledged");
  }
  discardDownload(context);
  return delivered;
}

async function uploadLogs(
  context: DeploymentContext,
  record: DeploymentRecord,
  logger: Logger,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { files, clock } = context.drivers;
  // The outcome has been delivered: a log that cannot be read must not hold up all that follows.
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
    () => DeploymentLog.find(files, context.logDirectory, record.id)?.read(),
  );
  const messages = logMessages(
    context.redact(ownLog),
    context.redact(subUpdaterLog),
    new Date(clock.now()).toISOString(),
  );
  try {
    await sendDeploymentLog(context.session, clock, record.id, messages, signal);
  } catch (error) {
    if (!isMenderError(error, "api.refused")) throw error;
    // The same body would be refused for ever; the outcome itself has been delivered.
    logger.log("warning", "The server does not take the deployment log", {}, error);
  }
}

function deploymentInProgress(
  context: Pick<DeploymentContext, "record" | "lock">,
): DeploymentRecord {
  const record = context.record.read();
  const lock = context.lock.read();
  if (lock.kind === "held" && !isHandedOverHere(record, lock.deploymentId)) {
    return context.record.begin(lock.deploymentId, "", "handed_over");
  }
  const isHandedOver = record?.phase === "handing_over" || record?.phase === "handed_over" ||
    record?.outcome !== undefined;
  if (record !== undefined && isHandedOver) return record;
  throw new HandoffError(
    "handoff.no-deployment",
    lock.kind === "unreadable"
      ? `Cannot report an outcome: ${lock.why}`
      : "Cannot report an outcome: no deployment is in progress",
    { retry: "never" },
  );
}
