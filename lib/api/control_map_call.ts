import { ApiError } from "../core/errors.ts";
import { isJsonObject, parsedJson } from "../core/json.ts";
import type { Clock } from "../runtime/clock.ts";
import type { DeviceSession } from "./device_session.ts";
import { refusal } from "./refusal.ts";

/**
 * Asks for the Update Control Map of a deployment as it is now.
 *
 * @returns The map, unchecked; `none` when the server has none; `gone` when the deployment is over (404).
 * @throws {ApiError} `api.bad-answer`; the server refused or failed, or as {@link DeviceSession.call}.
 * @see contracts/update-control.md section 5 and section 7
 */
export async function fetchControlMap(
  session: DeviceSession,
  clock: Clock,
  deploymentId: string,
  signal?: AbortSignal,
): Promise<{ readonly map: unknown } | "none" | "gone"> {
  const path = `/api/devices/v2/deployments/device/deployments/${deploymentId}/update_control_map`;
  const answer = await session.call({ method: "GET", path }, signal);
  if (answer.status === 404) return "gone";
  if (answer.status !== 200) throw refusal("ask for the Update Control Map", answer, clock.now());
  const found = parsedJson(answer.text);
  if (!isJsonObject(found)) {
    throw new ApiError(
      "api.bad-answer",
      "Cannot use the server's answer: it is no Update Control Map",
    );
  }
  const { update_control_map: map } = found;
  return map === undefined || map === null ? "none" : { map };
}
