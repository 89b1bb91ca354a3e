import { writeNewFile } from "../../runtime/files/new_file.ts";
import type { HandoffRecord } from "../../store/deployment_record.ts";
import { storeFailure } from "../../store/store_failure.ts";
import type { DeploymentContext } from "../context.ts";
import { applicationMarker, readStartMarker, startMarkerPath } from "./start_marker.ts";

/** The application's turn: what the record says of it, and whether it is to be called. */
export interface ApplicationStart {
  /** For the record. */
  readonly handoff: HandoffRecord;
  /** Whether this is the first start for the deployment; another one must not be made. */
  readonly isFirst: boolean;
}

/**
 * Leaves the start marker for the application, durably, before it is called. The lock is held already.
 *
 * @throws {StoreError} The marker cannot be left.
 * @throws The reason of `signal`; nothing was begun.
 */
export async function startApplication(
  context: DeploymentContext,
  deploymentId: string,
  signal: AbortSignal,
): Promise<ApplicationStart> {
  const { files, processes } = context.drivers;
  const { bootId } = await processes.identify(1);
  signal.throwIfAborted();
  const path = startMarkerPath(context, deploymentId);
  try {
    if (writeNewFile(files, path, applicationMarker(bootId))) {
      return { handoff: { bootId, isApplication: true }, isFirst: true };
    }
  } catch (error) {
    throw storeFailure("leave the start marker", path, error);
  }
  return { handoff: readStartMarker(context, deploymentId) ?? { bootId }, isFirst: false };
}
