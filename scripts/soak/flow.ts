import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ClientRig, Running } from "../../tests/support/client_rig.ts";
import { committedFile } from "./sub_updater.ts";

/** What the maps on a device live; longer than any hold needs after its holder was killed. */
export const MAP_LIFE_CONFIG = {
  UpdateControlMapExpirationTimeSeconds: 40,
  UpdateControlMapBootExpirationTimeSeconds: 40,
};

/** A map outlives its holder by half of its life at least; this is looked at well before. */
const AFTER_KILL_MS = 4000;
const CLEAR_LIMIT_MS = 120_000;

/** What an operator of update control works with. */
export interface SoakFlowOptions {
  readonly rig: ClientRig;
  readonly random: () => number;
  /** What was deployed so far, in order. */
  readonly deployments: readonly string[];
  /** Counts what was done. */
  readonly note: (kind: string) => void;
}

/**
 * Update control on a device, by the commands: maps hold a point or have updates fail there, for some
 * seconds, and are released. Their holder is killed now and then, and the whole device with it.
 */
export class SoakFlow {
  /** What passed a point in spite of a map. */
  readonly wrongs: string[] = [];
  readonly #options: SoakFlowOptions;

  constructor(options: SoakFlowOptions) {
    this.#options = options;
  }

  /** Sets and releases maps until then; at the end there is none. */
  async run(until: number): Promise<void> {
    while (performance.now() < until) {
      await delay(2000 + this.#options.random() * 6000);
      await this.#hold();
      await this.#release();
    }
  }

  /** One map, from its confirmation to the last look at what it holds. */
  async #hold(): Promise<void> {
    const { rig, random, deployments, note } = this.#options;
    const point = random() < 0.6 ? "install" : "commit";
    const action = random() < 0.7 ? "pause" : "fail";
    const holdMs = 3000 + random() * 8000;
    const isKilled = random() < 0.3;
    const holder = rig.start("flow", "set", `--${point}`, action, "--json");
    if (!await isActive(holder)) return;
    note(`maps: ${point} ${action}`);
    // What was deployed before may have passed already.
    const before = deployments.length;
    await Promise.race([delay(holdMs), holder.ended]);
    if (isKilled && isRunning(holder)) holder.kill("SIGKILL");
    if (isKilled) await holder.ended;
    if (!isRunning(holder)) {
      note("holders killed");
      await delay(AFTER_KILL_MS);
    }
    const passed = rig.read(point === "install" ? join(rig.root, "installed") : committedFile(rig));
    for (const id of deployments.slice(before)) {
      if (!passed.includes(id)) continue;
      this.wrongs.push(`deployment ${id} passed ${point} although a map said ${action}`);
    }
    if (isRunning(holder)) holder.kill("SIGTERM");
    await holder.ended;
  }

  /** Lets everything go on; tried again while the daemon is not there. */
  async #release(): Promise<void> {
    const { rig, random } = this.#options;
    const isByMap = random() < 0.5;
    const go = ["set", "--install", "continue", "--commit", "continue", "--once"];
    const limit = performance.now() + CLEAR_LIMIT_MS;
    for (const order of [...isByMap ? [go] : [], ["clear"]]) {
      for (;;) {
        const { code, stderr } = await rig.run("flow", ...order);
        if (code === 0) break;
        if (performance.now() > limit) {
          this.wrongs.push(`flow ${order[0]} does not succeed: ${stderr.slice(-500)}`);
          return;
        }
        await delay(500);
      }
    }
  }
}

/** Waits until its map is in effect; false when it was killed before. */
async function isActive(holder: Running): Promise<boolean> {
  while (isRunning(holder)) {
    if (holder.output().includes('"state":"active"')) return true;
    await delay(50);
  }
  return false;
}

function isRunning({ child }: Running): boolean {
  return child.exitCode === null && child.signalCode === null;
}
