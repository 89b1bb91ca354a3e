import {
  type ControlAction,
  type ControlMap,
  type ControlState,
  isDeletion,
} from "../../lib/control/control_map.ts";

interface NaiveMap {
  id: string;
  priority: number;
  diesAt: number;
  dead: boolean;
  orders: Record<string, { now: ControlAction; then: ControlAction; whenDead: ControlAction }>;
}

/**
 * The rules of the contract a second time, sentence by sentence, with nothing shared with the library but
 * the type of a map: what both agree on is hardly a slip of one.
 *
 * @see contracts/update-control.md §3 and §4
 */
export class NaivePool {
  maps: NaiveMap[] = [];

  set(map: ControlMap, now: number, life: number): void {
    for (let i = this.maps.length - 1; i >= 0; i--) {
      const other = this.maps[i]!;
      if (other.id === map.id && other.priority === map.priority) this.maps.splice(i, 1);
    }
    if (isDeletion(map)) return;
    const orders: NaiveMap["orders"] = {};
    for (const [state, { action, onMapExpire, onActionExecuted }] of Object.entries(map.states)) {
      orders[state] = { now: action, then: onActionExecuted, whenDead: onMapExpire };
    }
    this.maps.push({ id: map.id, priority: map.priority, diesAt: now + life, dead: false, orders });
  }

  remove(id: string): void {
    this.maps = this.maps.filter((map) => map.id !== id);
  }

  idle(now: number): void {
    this.#bury(now);
    this.maps = this.maps.filter((map) => !map.dead);
  }

  ask(state: ControlState, now: number): string {
    this.#bury(now);
    for (let priority = 10; priority >= -10; priority--) {
      let fail = false;
      let pause = false;
      let force = false;
      for (const map of this.maps) {
        if (map.priority !== priority) continue;
        const order = map.orders[state];
        if (order === undefined) continue;
        const action = map.dead ? order.whenDead : order.now;
        if (action === "fail") fail = true;
        if (action === "pause") pause = true;
        if (action === "force_continue") force = true;
        order.now = order.then;
      }
      if (fail) return "fail";
      if (pause) return "pause";
      if (force) return "continue";
    }
    return "continue";
  }

  #bury(now: number): void {
    for (const map of this.maps) if (now >= map.diesAt) map.dead = true;
  }
}
