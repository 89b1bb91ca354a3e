import { RuntimeError } from "../../core/errors.ts";
import { serviceScript } from "../../runtime/processes/service_script.ts";
import type { RunResult } from "../../runtime/processes/process_driver.ts";
import type { DeploymentContext } from "../context.ts";

/** systemd answers at once, or it is in no state to answer. */
const ANSWER_WITHIN_MS = 30_000;

/** States of a unit whose program is about to run, or runs. */
const ALIVE = ["active", "activating", "reloading", "deactivating", "refreshing"];

/** Name of the unit in which the sub-updater of a deployment runs, without its ending. */
export function unitName(deploymentId: string): string {
  return `mender-deno-install-${deploymentId}`;
}

/**
 * Has systemd start a program as a transient unit (`systemd-run --no-block --collect`).
 *
 * @throws {RuntimeError} `runtime.systemd`: systemd did not take it; a unit of that name that is there
 * already is one reason.
 */
export async function startUnit(
  context: DeploymentContext,
  unit: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const result = await systemd(context, ["start", unit, ...command], signal);
  if (result.code === 0) return;
  throw failed(`start the unit ${unit}`, result);
}

/**
 * Whether a unit is about to run, or runs.
 *
 * @throws {RuntimeError} `runtime.systemd`: that cannot be told.
 */
export async function isUnitAlive(context: DeploymentContext, unit: string): Promise<boolean> {
  const result = await systemd(context, ["state", unit]);
  if (result.code !== 0) throw failed(`ask for the state of ${unit}`, result);
  return ALIVE.includes(new TextDecoder().decode(result.stdout).trim());
}

function systemd(
  context: DeploymentContext,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<RunResult> {
  return context.drivers.processes.run({
    command: serviceScript("systemd_unit.sh"),
    args,
    timeoutMs: ANSWER_WITHIN_MS,
    maxOutputBytes: 4096,
    ...(signal !== undefined && { signal }),
  });
}

function failed(what: string, { code, isTimedOut, stderr }: RunResult): RuntimeError {
  const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "";
  const how = isTimedOut ? "no answer" : said === "" ? `exit code ${code}` : said;
  return new RuntimeError("runtime.systemd", `Cannot ${what}: ${how}`);
}
