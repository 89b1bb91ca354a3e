import type { Logger } from "../core/logger.ts";
import { readArtifactInfo } from "../store/artifact_info.ts";
import type { DeploymentRecord } from "../store/deployment_record.ts";
import type { DeploymentContext } from "./context.ts";

/**
 * Tells when a sub-updater has reported success and `artifact_info` does not show the new Artifact: the
 * server would go on to believe that the old one is installed.
 *
 * @param logger Of the deployment.
 */
export function checkArtifactInfo(
  { drivers, paths }: Pick<DeploymentContext, "drivers" | "paths">,
  { artifactName }: DeploymentRecord,
  logger: Logger,
): void {
  if (artifactName === "") return; // handed over by another client, which did not leave the name
  const info = readArtifactInfo(drivers.files, paths.artifactInfo);
  if (info.artifactName === artifactName) return;
  const found = info.artifactName === undefined ? "none" : `"${info.artifactName}"`;
  logger.log(
    "warning",
    `Success is reported, but ${paths.artifactInfo} does not show the new Artifact: ` +
      `wanted "${artifactName}", found ${found}`,
    {
      hint: `Have the sub-updater write artifact_name=${artifactName} there before it reports`,
    },
  );
}
