import { setTimeout as delay } from "node:timers/promises";
import { quoted } from "../../lib/core/shell_words.ts";
import type { ClientRig, Running } from "../../tests/support/client_rig.ts";
import { commandLineOf } from "../../tests/support/processes.ts";
import { EVERYTHING } from "../../tests/support/remote_access_rig.ts";
import { Growth, openFiles } from "./growth.ts";
import { type Machine, sendSignal } from "./machine.ts";
import type { Weather } from "./weather.ts";

/** A shell that nobody uses any more ends after so many seconds. */
export const IDLE_SECONDS = 30;

/** Its memory becomes larger with the first few hundred sessions, and then no more. */
const WARM_SECONDS = 420;

/** Within this time it lets go of a shell that has ended. */
const LET_GO_LIMIT_MS = 30_000;

/** What a terminal of a device stands on. */
export interface SoakTerminalOptions {
  readonly rig: ClientRig;
  readonly machine: Machine;
  readonly weather: Weather;
  readonly random: () => number;
  /** Of the device. */
  readonly number: number;
  /** Whether the daemon starts it; otherwise it is a process of its own, as a unit is. */
  readonly hasChild: boolean;
  /** Whether it lives on, so that its growth can be seen. */
  readonly isSpared: boolean;
  /** Told right before it is killed. */
  onKill(): void;
}

/** Switches remote access on; every shell bears the mark of its device. */
export function writeConnectConfig(rig: ClientRig, machine: Machine): void {
  const config = {
    ...EVERYTHING,
    ShellArguments: ["-c", `exec env ${quoted(machine.mark)} /bin/sh -i`],
    Sessions: { MaxPerUser: 16, StopExpired: true, ExpireAfterIdle: IDLE_SECONDS },
  };
  rig.write(rig.paths.connectConfig, JSON.stringify(config));
}

/** The terminal of a device, which is killed now and then. */
export class SoakTerminal {
  readonly wrongs: string[] = [];
  readonly growth = new Growth("terminal", WARM_SECONDS);
  readonly #options: SoakTerminalOptions;
  #own: Running | undefined;
  #isOver = false;

  constructor(options: SoakTerminalOptions) {
    this.#options = options;
  }

  /** Keeps it running, unless the daemon does, until {@link end}; and kills it now and then until then. */
  async run(until: number): Promise<void> {
    await Promise.all([this.#options.hasChild ? undefined : this.#supervise(), this.#kill(until)]);
  }

  /** It has to end, in peace. */
  end(): void {
    this.#isOver = true;
  }

  /** Once no shell is left, it soon holds none; it may have to be started first. */
  async lookAtShells(): Promise<void> {
    const limit = performance.now() + LET_GO_LIMIT_MS;
    for (let held = this.#heldShells(); held !== 0; held = this.#heldShells()) {
      if (performance.now() > limit) {
        if (held === undefined) this.wrongs.push("there is no terminal at the end");
        else this.wrongs.push(`the terminal holds ${held} shells at the end`);
        return;
      }
      await delay(200);
    }
  }

  /** Shells whose terminal is open; `undefined` while it does not run. */
  #heldShells(): number | undefined {
    const pid = this.#pid();
    try {
      return pid === undefined
        ? undefined
        : openFiles(pid).filter((path) => path.endsWith("ptmx")).length;
    } catch {
      return undefined; // it has just ended
    }
  }

  async #kill(until: number): Promise<void> {
    const { weather, random, isSpared, number, onKill } = this.#options;
    while (!isSpared && !this.#isOver && performance.now() < until) {
      const dieAt = performance.now() + 8000 + random() * 25_000;
      while (!this.#isOver && (performance.now() < dieAt || weather.isCalm)) await delay(500);
      const pid = performance.now() < until && !this.#isOver ? this.#pid() : undefined;
      if (pid === undefined) continue;
      weather.strike("terminals killed", number);
      onKill();
      sendSignal(pid, "SIGKILL");
    }
  }

  /** As a service manager does: what ends is started again. */
  async #supervise(): Promise<void> {
    const { rig, machine } = this.#options;
    while (!this.#isOver) {
      if (!machine.isOn) {
        await delay(50);
        continue;
      }
      this.growth.begin();
      const terminal = this.#own = rig.start("terminal", "--log-level", "warning");
      let hasEnded = false;
      void terminal.ended.then(() => hasEnded = true, () => hasEnded = true);
      while (!hasEnded && !this.#isOver) {
        await delay(500);
        if (terminal.child.pid !== undefined) this.growth.look(terminal.child.pid);
      }
      const isTold = !hasEnded;
      if (isTold) sendSignal(terminal.child.pid!, "SIGTERM");
      const { code, signal, stderr } = await terminal.ended;
      if (isTold && code === 0 || !isTold && signal === "SIGKILL") continue;
      this.wrongs.push(
        `the terminal ended ${isTold ? "" : "by itself "}with ${code ?? signal}: ${
          stderr.slice(-500)
        }`,
      );
    }
  }

  #pid(): number | undefined {
    const { hasChild, machine } = this.#options;
    if (!hasChild) return this.#own?.child.pid;
    return [...machine.processes()].find((pid) => commandLineOf(pid).includes("\0--attached\0"));
  }
}
