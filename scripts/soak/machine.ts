import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { isAlive, processesWith, treesNaming } from "../../tests/support/processes.ts";
import { waitUntil } from "../../tests/support/wait.ts";
import { copyProgram } from "./program_copy.ts";

/** What a device is to the programs on it: a boot ID, processes that end all at once, a step at each boot. */
export class Machine {
  /** Main module of the program that the device runs. */
  readonly main: URL;
  /** A program on it makes this file when it wants a reboot. */
  readonly rebootFile: string;
  /** What is run at each boot, if it is there. */
  readonly bootStep: string;
  /** Variable in the environment of what users start on it. */
  readonly mark: string;
  readonly #root: string;
  readonly #bootIdFile: string;
  #isOn = false;

  /** Makes it in a directory, and boots it. */
  constructor(root: string) {
    mkdirSync(root, { recursive: true });
    this.#root = root;
    this.mark = `SOAK_DEVICE=${root}`;
    this.rebootFile = join(root, "reboot");
    this.bootStep = join(root, "boot_step");
    this.#bootIdFile = join(root, "boot_id");
    this.main = copyProgram(join(root, "program"), this.#bootIdFile);
    this.boot();
  }

  /** Whether a program on it has asked for a reboot. */
  get wantsReboot(): boolean {
    return existsSync(this.rebootFile);
  }

  /** Whether it runs. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Begins another boot, and its step. */
  boot(): void {
    rmSync(this.rebootFile, { force: true });
    this.#isOn = true;
    writeFileSync(this.#bootIdFile, `${randomUUID()}\n`);
    if (existsSync(this.bootStep)) spawn(this.bootStep, { stdio: "ignore", detached: true });
  }

  /** Everything that runs on it. */
  processes(): Set<number> {
    return new Set([...treesNaming(`${this.#root}/`), ...processesWith(this.mark)]);
  }

  /**
   * Kills all its processes, none of which sees the end of another.
   *
   * @returns Once they are gone.
   */
  async powerOff(): Promise<void> {
    this.#isOn = false;
    const frozen = new Set<number>();
    // What is started meanwhile is found by the next look.
    for (let isNew = true; isNew;) {
      isNew = false;
      for (const pid of this.processes()) {
        if (frozen.has(pid)) continue;
        sendSignal(pid, "SIGSTOP");
        frozen.add(pid);
        isNew = true;
      }
    }
    for (const pid of frozen) sendSignal(pid, "SIGKILL");
    await waitUntil("the end of all processes", () => ![...frozen].some(isAlive));
  }
}

/** Sends a signal to a process, which may have ended. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has just ended
  }
}
