import type { Paths } from "../config/mod.ts";
import type { Logger } from "../core/logger.ts";
import type { FileDriver } from "../runtime/files/file_driver.ts";
import { type DeploymentRecord, DeploymentRecordFile } from "../store/deployment_record.ts";
import { LockFile } from "../store/lock_file.ts";
import { OutcomeFiles } from "../store/outcome_file.ts";

/** The durable files of a deployment. */
export interface DeploymentFiles {
  /** The record. */
  readonly record: DeploymentRecordFile;
  /** What was reported. */
  readonly outcomes: OutcomeFiles;
  /** The lock that sub-updaters know too. */
  readonly lock: LockFile;
}

/**
 * Names the files of the deployment in progress; nothing is read or written yet.
 *
 * @param onRecord Told each record that has become durable.
 */
export function deploymentFiles(
  files: FileDriver,
  paths: Paths,
  logger: Logger,
  onRecord?: (record: DeploymentRecord) => void,
): DeploymentFiles {
  const outcomes = new OutcomeFiles(files, paths.dataDirectory, logger);
  return {
    outcomes,
    record: new DeploymentRecordFile(files, paths.record, outcomes, logger, onRecord),
    lock: new LockFile(files, paths.lock),
  };
}
