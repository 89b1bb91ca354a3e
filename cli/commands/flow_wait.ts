import { ControlError, HandoffError, UsageError } from "../../lib/core/errors.ts";
import { byHolder } from "../../lib/daemon/by_holder.ts";
import type { ControlRequest } from "../../lib/daemon/control/protocol.ts";
import { SUB_UPDATER_STATES } from "../../lib/daemon/control/protocol.ts";
import { LocalGate } from "../../lib/daemon/local_gate.ts";
import { deploymentFiles } from "../../lib/deployment/deployment_files.ts";
import { deploymentInProgress } from "../../lib/deployment/record_outcome.ts";
import { ControlMapsFile } from "../../lib/store/control_maps_file.ts";
import type { CommandContext } from "../command_context.ts";

type WaitedState = typeof SUB_UPDATER_STATES[number];

/**
 * Waits, for a sub-updater, until the maps let its update pass a point. The daemon is asked; while none
 * runs, the maps that it has stored.
 *
 * @returns 0 when it may go on.
 * @throws {ControlError} `control.forced-failure`: it is to fail; or the server has ended the deployment.
 * @throws {HandoffError} `handoff.no-deployment`.
 */
export async function flowWait(context: CommandContext, name: string): Promise<number> {
  const state = waitedState(name);
  const { drivers, paths, logger, signal } = context;
  const { id: deployment } = deploymentInProgress(deploymentFiles(drivers.files, paths, logger));
  const local = new LocalGate({
    file: new ControlMapsFile(drivers.files, paths.controlMaps, logger),
    mark: drivers.random.uuid(),
    signal,
    open: async (maps) => {
      // Only when no daemon does it: this is most of the program.
      const { openDevice } = await import("../open_device.ts");
      return await openDevice(context, context.loadConfig(), maps && { maps });
    },
  });
  let since: string | undefined;
  for (;;) {
    const request: ControlRequest & { readonly do: "gate" } = {
      v: 1,
      do: "gate",
      deployment,
      state,
      ...(since !== undefined && { since }),
    };
    let isLocal = false;
    const answer = await byHolder({
      drivers,
      path: paths.controlSocket,
      request,
      logger,
      signal,
      here: () => {
        isLocal = true;
        return local.ask(request);
      },
    });
    if (!answer.ok) throw failureOf(answer);
    if (answer["verdict"] === "continue") return 0;
    if (answer["verdict"] === "fail") {
      throw new ControlError("control.forced-failure", `Cannot go on: ${answer["why"]}`, {
        hint: "Roll back what was installed, then report --failure",
        retry: "never",
      });
    }
    if (since === undefined) {
      logger.log("info", `Held by update control at ${state}`, { deployment });
    }
    since = String(answer["since"]);
    if (isLocal) await local.wait();
    else local.forget();
    signal.throwIfAborted();
  }
}

function waitedState(name: string): WaitedState {
  const state = SUB_UPDATER_STATES.find((each) => each === name);
  if (state !== undefined) return state;
  throw new UsageError("usage.flow", `Cannot wait at "${name}": no such point`, {
    hint: `Wait at ${SUB_UPDATER_STATES.join(" or ")}`,
  });
}

function failureOf({ code, message }: { readonly code: string; readonly message: string }): Error {
  return code.startsWith("handoff.")
    ? new HandoffError(code, message, { retry: "never" })
    : new ControlError(code, `Cannot ask whether to go on: ${message}`);
}
