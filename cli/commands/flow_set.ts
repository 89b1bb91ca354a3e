import type { MapOrder } from "../../lib/control/map_order.ts";
import type { ControllerState } from "../../lib/control/map_controller.ts";
import { parseDuration } from "../../lib/core/duration.ts";
import { UsageError } from "../../lib/core/errors.ts";
import { sleep } from "../../lib/runtime/clock.ts";
import type { UpdateFlow } from "../../lib/flow/update_flow.ts";
import type { CommandContext } from "../command_context.ts";
import { type MapActionOptions, orderFrom, ownerFrom, refuseBeside } from "../flow/map_source.ts";
import { openFlow, openReceiver } from "../flow/open_flow.ts";
import { policyFrom, PolicyRunner } from "../flow/policy_runner.ts";
import { farewellText, stateJson, stateText } from "../flow/state_text.ts";
import { Interrupted } from "../interrupted.ts";

/** Options of `flow set`. */
export interface FlowSetOptions extends MapActionOptions {
  readonly policy?: string | undefined;
  readonly once?: true | undefined;
  readonly for?: string | undefined;
  readonly clearOnExit?: true | undefined;
  readonly json?: true | undefined;
}

/** Sets a map: once, for a time, or for as long as the command runs. */
export async function flowSet(
  context: CommandContext,
  file: string | undefined,
  options: FlowSetOptions,
): Promise<number> {
  const lifeMs = checkTimes(options);
  if (options.policy !== undefined) return await setByPolicy(context, file, lifeMs, options);
  const order = await orderFrom(context, file, options);
  if (options.once === true) return await setOnce(context, order, options);
  const flow = openFlow(context, order.map);
  flow.replace(order);
  return await keep(context, flow, lifeMs, options);
}

async function setByPolicy(
  context: CommandContext,
  file: string | undefined,
  lifeMs: number | undefined,
  options: FlowSetOptions,
): Promise<number> {
  if (file !== undefined) {
    throw new UsageError("usage.flow", "Cannot use --policy beside a map: wanted one source");
  }
  refuseBeside("--policy", options, ["install", "reboot", "commit", "after"]);
  const policy = policyFrom(context, options.policy ?? "");
  const owner = await ownerFrom(context, options);
  const runner = new PolicyRunner(context, policy, owner);
  if (options.once === true) return await setOnce(context, await runner.look(), options);
  const flow = openFlow(context, owner);
  const controller = new AbortController();
  const stop = (): void => controller.abort(context.signal.reason);
  context.signal.addEventListener("abort", stop, { once: true });
  // A failure of the policy ends the command too; after the end of the command there is none.
  const running = runner.run(flow, controller.signal).catch((error) => controller.abort(error));
  try {
    return await keep(context, flow, lifeMs, options, controller.signal);
  } finally {
    context.signal.removeEventListener("abort", stop);
    controller.abort();
    await running;
  }
}

/** Sets a map once and prints the seconds within which it has to be set again. */
async function setOnce(
  context: CommandContext,
  { map, once }: MapOrder,
  { json }: FlowSetOptions,
): Promise<number> {
  const receiver = openReceiver(context);
  try {
    const delivery = await receiver.setMap(once ?? map, context.signal);
    if (delivery.type !== "accepted") throw delivery.reason;
    const seconds = delivery.refreshMs / 1000;
    context.drivers.self.writeOut(
      json === true ? `${JSON.stringify({ refresh_timeout: seconds })}\n` : `${seconds}\n`,
    );
    return 0;
  } finally {
    await receiver.close();
  }
}

/** Keeps an order in effect until the command is interrupted or its time is over; tells every change. */
async function keep(
  context: CommandContext,
  flow: UpdateFlow,
  lifeMs: number | undefined,
  options: Pick<FlowSetOptions, "clearOnExit" | "json">,
  signal: AbortSignal = context.signal,
): Promise<number> {
  const { clock } = context.drivers;
  let wasActive = false;
  const telling = (async () => {
    let last = "";
    for await (const state of flow.states()) {
      wasActive ||= state.name === "active";
      // A refresh that went well is no news.
      const news = `${state.name} ${state.reason?.code} ${state.armedUntilMs !== undefined}`;
      if (news !== last) tell(context, state, options.json === true);
      last = news;
    }
  })();
  try {
    await (lifeMs === undefined ? untilInterrupted(signal) : sleep(clock, lifeMs, signal));
    if (!wasActive && flow.state?.reason !== undefined) throw flow.state.reason;
    return 0;
  } catch (error) {
    // A service that is stopped has not failed.
    if (error instanceof Interrupted && error.signal === "SIGTERM") return 0;
    throw error;
  } finally {
    await leave(context, flow, options);
    await telling;
  }
}

/** Ends a flow, and tells what becomes of its map. */
async function leave(
  context: CommandContext,
  flow: UpdateFlow,
  options: Pick<FlowSetOptions, "clearOnExit" | "json">,
): Promise<void> {
  const { state } = flow;
  const cleared = await flow.close({ clear: options.clearOnExit === true });
  if (cleared !== undefined && cleared.type !== "accepted") throw cleared.reason;
  if (options.json === true) return;
  const { logger, drivers } = context;
  logger.log(
    "info",
    cleared === undefined ? farewellText(state, drivers.clock.monotonic()) : "The map is deleted",
  );
}

function tell(context: CommandContext, state: ControllerState, isJson: boolean): void {
  const { drivers, logger } = context;
  const nowMs = drivers.clock.monotonic();
  if (isJson) return drivers.self.writeOut(`${JSON.stringify(stateJson(state, nowMs))}\n`);
  const level = state.name === "active" || state.reason === undefined ? "info" : "warning";
  logger.log(level, stateText(state, nowMs), {
    event: "flow",
    state: state.name,
    ...(state.reason !== undefined && { code: state.reason.code }),
  });
}

function checkTimes(options: FlowSetOptions): number | undefined {
  if (options.for === undefined) {
    if (options.once !== true || options.clearOnExit !== true) return undefined;
    throw new UsageError("usage.flow", "Cannot use --clear-on-exit beside --once");
  }
  if (options.once === true) throw new UsageError("usage.flow", "Cannot use --for beside --once");
  const lifeMs = parseDuration(options.for);
  if (lifeMs !== undefined) return lifeMs;
  throw new UsageError("usage.flow", `Cannot use --for "${options.for}": wanted a duration`, {
    hint: "Write it as in 90s, 15m, 2h or 1d; a year at most",
  });
}

function untilInterrupted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
