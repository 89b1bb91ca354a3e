import type { JsonObject } from "../../../core/json.ts";
import type { DeploymentPhase } from "../records/deployment_book.ts";
import { COUNTED_STATUSES } from "../records/device_status.ts";
import type { ArtifactRecord, DeploymentRecord, DeviceDeploymentRecord } from "../records/state.ts";
import { timeText } from "../time_text.ts";
import { artifactView } from "./artifacts.ts";

/** How many devices are in each status; all statuses are there. */
export function statisticsOf(deployment: DeploymentRecord): Record<string, number> {
  const counts: Record<string, number> = Object.fromEntries(
    COUNTED_STATUSES.map((status) => [status, 0]),
  );
  for (const { status } of deployment.devices) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** A deployment as the real server shows it. */
export function deploymentView(
  deployment: DeploymentRecord,
  phase: DeploymentPhase,
  artifacts: readonly ArtifactRecord[],
): JsonObject {
  const sizes = new Map(artifacts.map((artifact) => [artifact.id, artifact.sizeBytes]));
  return {
    id: deployment.id,
    name: deployment.name,
    artifact_name: deployment.artifactName,
    created: timeText(deployment.createdAt),
    ...(deployment.finishedAt !== undefined && { finished: timeText(deployment.finishedAt) }),
    status: phase,
    device_count: deployment.devices.length,
    max_devices: deployment.devices.length,
    artifacts: artifacts.filter(({ name }) => name === deployment.artifactName).map(({ id }) => id),
    type: "software",
    force_installation: deployment.isForced,
    ...(deployment.updateControlMap && { update_control_map: deployment.updateControlMap }),
    statistics: {
      status: statisticsOf(deployment),
      total_size: deployment.devices
        .reduce((sum, row) => sum + (sizes.get(row.artifactId ?? "") ?? 0), 0),
    },
  };
}

/** The deployment on one device as the real server shows it. */
export function rowView(
  row: DeviceDeploymentRecord,
  artifacts: readonly ArtifactRecord[],
): JsonObject {
  const image = artifacts.find(({ id }) => id === row.artifactId);
  return {
    id: row.deviceId,
    status: row.status,
    created: timeText(row.createdAt),
    ...(row.startedAt !== undefined && { started: timeText(row.startedAt) }),
    ...(row.finishedAt !== undefined && { finished: timeText(row.finishedAt) }),
    device_type: row.deviceType ?? "",
    log: row.log !== undefined,
    state: "",
    substate: row.substate ?? "",
    ...(image && { image: artifactView(image) }),
  };
}

/** The log of a deployment as text, one line per message. */
export function logText(row: DeviceDeploymentRecord): string {
  return (row.log ?? []).map(({ timestamp, level, message }) => {
    const time = new Date(timestamp).toISOString().slice(0, 19).replace("T", " ");
    return `${time} +0000 UTC ${level}: ${message}\n`;
  }).join("");
}
