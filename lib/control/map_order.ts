import {
  CONTROL_STATES,
  type ControlAction,
  type ControlMap,
  controlMap,
  type ControlState,
  type ExpireAction,
  stateActions,
} from "./control_map.ts";

/**
 * What somebody wants of the updates: a map that is kept in effect, and perhaps another that is set once
 * before it. Setting a map again replaces the step that it had taken to `on_action_executed`: were a
 * one-time continue refreshed as it is, every update would pass.
 *
 * @see contracts/update-control.md section 6, last paragraph
 */
export interface MapOrder {
  /** Kept in effect. */
  readonly map: ControlMap;
  /** Set once, at the beginning; it has the ID and priority of {@link MapOrder.map}. */
  readonly once?: ControlMap;
}

/** Whose map it is, and what happens when nobody keeps it alive any more. */
export interface OrderOptions {
  /** ID of the map, a UUID. */
  readonly id: string;
  /** Priority of the map; -1 when absent, so that a server's map of 0 wins. */
  readonly priority?: number;
  /** Action when the map expires; `continue` when absent. */
  readonly onExpire?: ExpireAction;
}

/** Priority of local maps when nothing is said. */
export const LOCAL_PRIORITY: number = -1;

/** Actions by point. */
export type ActionsByState = Readonly<Partial<Record<ControlState, ControlAction>>>;

/** Holds every update at all points. */
export function pauseAll(options: OrderOptions): MapOrder {
  return orderActions(everywhere("pause"), options);
}

/**
 * Lets one update pass one point, and holds it at all others.
 *
 * The permission is gone once an update has passed, and at the latest when the map is refreshed: then the
 * point holds again.
 */
export function continueOnce(state: ControlState, options: OrderOptions): MapOrder {
  return orderActions({ ...everywhere("pause"), [state]: "continue" }, options, {
    [state]: "pause",
  });
}

/**
 * Fails the update that is held, or the first that comes to a point before the map is refreshed; then
 * updates are held at all points.
 */
export function failOnce(options: OrderOptions): MapOrder {
  return orderActions(everywhere("fail"), options, everywhere("pause"));
}

/**
 * An order of actions by point.
 *
 * @param after Actions by point once an update has asked there; the same action when absent.
 */
export function orderActions(
  actions: ActionsByState,
  options: OrderOptions,
  after: ActionsByState = {},
): MapOrder {
  const { id, priority = LOCAL_PRIORITY, onExpire = "continue" } = options;
  const states = CONTROL_STATES.flatMap((state) => {
    const action = actions[state];
    return action === undefined ? [] : [[
      state,
      stateActions(action, { onMapExpire: onExpire, onActionExecuted: after[state] }),
    ]];
  });
  return keepingOrder(controlMap(id, priority, Object.fromEntries(states)));
}

/**
 * The order that keeps a map in effect: where an action changes once it was executed, the map is set as it
 * is once, and kept in the form that it has after that.
 */
export function keepingOrder(map: ControlMap): MapOrder {
  const after = controlMap(
    map.id,
    map.priority,
    Object.fromEntries(
      Object.entries(map.states).map(([state, actions]) => [
        state,
        { ...actions, action: actions.onActionExecuted },
      ]),
    ),
  );
  const changes = Object.values(map.states)
    .some(({ action, onActionExecuted }) => action !== onActionExecuted);
  return changes ? { map: after, once: map } : { map };
}

function everywhere(action: ControlAction): Record<ControlState, ControlAction> {
  return Object.fromEntries(CONTROL_STATES.map((state) => [state, action])) as Record<
    ControlState,
    ControlAction
  >;
}
