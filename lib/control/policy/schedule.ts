import { ControlError } from "../../core/errors.ts";
import { CONTROL_STATES, type ControlState } from "../control_map.ts";
import {
  type ActionsByState,
  type MapOrder,
  orderActions,
  type OrderOptions,
} from "../map_order.ts";
import type { Policy } from "./policy.ts";
import { isOpenAt, nextOpening } from "./window.ts";

/** What a policy depends on beside itself. */
export interface PolicyFacts {
  /** Milliseconds since 1970, as the device believes. */
  readonly wallMs: number;
  /** Time zone where the policy names none. */
  readonly timeZone: string;
  /** Points whose command has exited with 0 when it was run last. */
  readonly allowedByCommand: ReadonlySet<ControlState>;
  /** Points at which one update has been confirmed. */
  readonly confirmed: ReadonlySet<ControlState>;
}

/** What a point waits for; the first that is not fulfilled. */
export type Waiting = "window" | "command" | "confirmation";

/** What a policy says at a moment. */
export interface PolicyStand {
  /** Points at which updates are held, with the reason. */
  readonly held: Readonly<Partial<Record<ControlState, Waiting>>>;
  /** Points that one update may pass: it was confirmed, and all else is fulfilled. */
  readonly passes: readonly ControlState[];
}

/**
 * What a policy says at a moment. It knows nothing of the past, so a clock that jumps does no harm: the
 * next look sees things as they are.
 */
export function policyStand(policy: Policy, facts: PolicyFacts): PolicyStand {
  const held: Partial<Record<ControlState, Waiting>> = {};
  const passes: ControlState[] = [];
  for (const state of CONTROL_STATES) {
    const rules = policy.states[state];
    if (rules === undefined) continue;
    const timeZone = policy.timeZone ?? facts.timeZone;
    if (rules.windows !== undefined && !isOpenAt(rules.windows, facts.wallMs, timeZone)) {
      held[state] = "window";
    } else if (rules.command !== undefined && !facts.allowedByCommand.has(state)) {
      held[state] = "command";
    } else if (rules.needsConfirmation === true) {
      if (facts.confirmed.has(state)) passes.push(state);
      else held[state] = "confirmation";
    }
  }
  return { held, passes };
}

/**
 * The order that enforces a policy at a moment: pause where updates are held, continue once where one was
 * confirmed, nothing elsewhere.
 */
export function policyOrder({ held, passes }: PolicyStand, owner: OrderOptions): MapOrder {
  const actions: ActionsByState = Object.fromEntries([
    ...Object.keys(held).map((state) => [state, "pause"]),
    ...passes.map((state) => [state, "continue"]),
  ]);
  return orderActions(
    actions,
    owner,
    Object.fromEntries(passes.map((state) => [state, "pause"])),
  );
}

/** Longest time between two looks: a clock may be set, and a command change its mind, meanwhile. */
export const LONGEST_LOOK_MS: number = 10_000;

/** How long to wait for the next look: to the next minute, at which windows open and close. */
export function nextLookInMs(wallMs: number): number {
  return Math.min(60_000 - wallMs % 60_000, LONGEST_LOOK_MS);
}

/**
 * When the windows of a point are open next.
 *
 * @returns Milliseconds since 1970; `undefined` when they never are, or the point has none.
 */
export function opensAt(
  policy: Policy,
  state: ControlState,
  { wallMs, timeZone }: Pick<PolicyFacts, "wallMs" | "timeZone">,
): number | undefined {
  const windows = policy.states[state]?.windows;
  return windows === undefined
    ? undefined
    : nextOpening(windows, wallMs, policy.timeZone ?? timeZone);
}

/**
 * Refuses a policy that would hold updates for ever.
 *
 * @throws {ControlError} `control.bad-policy`: none of the windows of a point opens within a year.
 */
export function refuseNeverOpen(
  policy: Policy,
  facts: Pick<PolicyFacts, "wallMs" | "timeZone">,
): void {
  for (const state of CONTROL_STATES) {
    if (policy.states[state]?.windows === undefined) continue;
    if (opensAt(policy, state, facts) !== undefined) continue;
    throw new ControlError(
      "control.bad-policy",
      `Cannot use the policy: states.${state}.windows: none of them opens within a year`,
      { retry: "never", hint: "Is the date past? Is the clock right?" },
    );
  }
}
