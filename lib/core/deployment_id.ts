import { ApiError } from "./errors.ts";

const DEPLOYMENT_ID = /^[0-9A-Fa-f-]{1,64}$/;

/**
 * Whether a text may be used as a deployment ID. IDs come from outside and enter file names and
 * URLs, so nothing but hexadecimal digits and hyphens is accepted.
 */
export function isDeploymentId(text: string): boolean {
  return DEPLOYMENT_ID.test(text);
}

/** Returns `text` when it is a deployment ID; throws `api.bad-deployment-id` otherwise. */
export function checkDeploymentId(text: string): string {
  if (isDeploymentId(text)) return text;
  throw new ApiError(
    "api.bad-deployment-id",
    `Cannot use the deployment ID ${
      JSON.stringify(text.slice(0, 80))
    }: wanted 1 to 64 hexadecimal digits and hyphens`,
    { retry: "never" },
  );
}
