import { setTimeout as delay } from "node:timers/promises";
import { ClientRig, type Running } from "../../tests/support/client_rig.ts";
import { commandLineOf } from "../../tests/support/processes.ts";
import { isFinal } from "./final_status.ts";
import { MAP_LIFE_CONFIG, SoakFlow } from "./flow.ts";
import { Growth } from "./growth.ts";
import { Machine, sendSignal } from "./machine.ts";
import { SoakOperator } from "./operator.ts";
import { writeSubUpdater } from "./sub_updater.ts";
import { SoakTerminal, writeConnectConfig } from "./terminal.ts";
import { RELEASES, type Weather } from "./weather.ts";

/** Whatever goes wrong, a deployment takes no longer. */
const DEPLOYMENT_LIMIT_MS = 240_000;

/** A device whose daemon is a real process, which is killed now and then, or the whole device rebooted. */
export class SoakDevice {
  readonly machine: Machine;
  readonly flow: SoakFlow;
  readonly rig: ClientRig;
  /** IDs of what was deployed to it. */
  readonly deployments: string[] = [];
  readonly terminal: SoakTerminal;
  readonly operator: SoakOperator;
  readonly growth = new Growth("daemon");
  readonly wrongs: string[] = [];
  readonly #weather: Weather;
  readonly #random: () => number;
  readonly #number: number;
  readonly #mac: string;
  readonly #isSpared: boolean;
  readonly #hasChild: boolean;
  #daemon: Running | undefined;
  #isOver = false;
  #supervisor: Promise<unknown> | undefined;

  /** Makes it in a directory; nothing runs yet. */
  constructor(root: string, weather: Weather, number: number, random: () => number) {
    this.#weather = weather;
    this.#random = random;
    this.#number = number;
    this.#isSpared = number === 0;
    // A daemon that starts its terminal needs all rights for that; every other device does without.
    const hasChild = this.#hasChild = number % 2 === 1;
    this.#mac = `02:00:00:00:00:1${number}`;
    this.machine = new Machine(root);
    this.rig = new ClientRig(root, {
      serverUrl: weather.url,
      identity: `echo mac=${this.#mac}`,
      limitMs: 2 ** 31 - 1,
      main: this.machine.main,
      config: {
        RetryPollIntervalSeconds: 2,
        HandoffRunner: "fork",
        HandoffTimeoutSeconds: 20,
        ...MAP_LIFE_CONFIG,
      },
      // There is no bus: flow takes the control socket.
      env: { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent/bus", INVOCATION_ID: "" },
      hasAllRights: hasChild,
    });
    writeConnectConfig(this.rig, this.machine);
    writeSubUpdater(this.rig, this.machine, !this.#isSpared);
    this.flow = new SoakFlow({
      rig: this.rig,
      random,
      deployments: this.deployments,
      note: (kind) => weather.note(kind),
    });
    const parts = { rig: this.rig, machine: this.machine, weather, random, number };
    this.operator = new SoakOperator({ ...parts, deviceId: () => this.id });
    this.terminal = new SoakTerminal({
      ...parts,
      hasChild,
      isSpared: this.#isSpared,
      onKill: () => this.operator.terminalEnds("its terminal was killed"),
    });
  }

  /** Lives until then: one deployment after the other, and a daemon that is killed. */
  async live(until: number): Promise<void> {
    this.#supervisor = Promise.all([this.#supervise(until), this.terminal.run(until)]);
    await this.#isKnown();
    const others = Promise.all([this.flow.run(until), this.operator.run(until)]);
    for (let turn = 0; performance.now() < until; turn++) {
      const id = this.#weather.server.createDeployment({
        artifactName: RELEASES[turn % RELEASES.length]!,
        devices: [this.id],
        force: true,
      });
      this.deployments.push(id);
      await this.#isOverWith(id);
    }
    await others;
    await this.terminal.lookAtShells();
    this.#isOver = true;
    this.terminal.end();
    await this.#supervisor;
    for (const pid of this.machine.processes()) {
      this.wrongs.push(`left on the device: ${commandLineOf(pid).replaceAll("\0", " ")}`);
    }
  }

  /** ID at the server. */
  get id(): string {
    const own = this.#weather.server.devices()
      .find(({ identity }) => JSON.stringify(identity).includes(this.#mac));
    return own?.id ?? "";
  }

  /** How often the sub-updater was started for each deployment. */
  starts(): Map<string, number> {
    const starts = new Map<string, number>();
    for (const id of this.rig.installed()) starts.set(id, (starts.get(id) ?? 0) + 1);
    return starts;
  }

  /** Ends what runs. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.terminal.end();
    await this.machine.powerOff();
    await this.rig.stop();
    await this.#supervisor;
  }

  /** As a service manager does: what ends is started again. */
  async #supervise(until: number): Promise<void> {
    while (!this.#isOver) {
      this.growth.begin();
      const daemon = this.rig.start("daemon", "--stay", "--log-level", "warning");
      this.#daemon = daemon;
      const end = await this.#endOf(daemon, until);
      if (end === "killed") {
        if (this.#hasChild) this.operator.terminalEnds("the daemon of its terminal was killed");
        sendSignal(daemon.child.pid!, "SIGKILL");
      }
      if (end === "over") sendSignal(daemon.child.pid!, "SIGTERM");
      if (end === "rebooted") await this.machine.powerOff();
      const { code, stderr } = await daemon.ended;
      if (end === "over" && code !== 0) this.wrongs.push(`the daemon ended with ${code}`);
      if (end === "itself") {
        this.wrongs.push(`the daemon ended by itself with ${code}: ${stderr.slice(-500)}`);
      }
      if (end === "rebooted") this.machine.boot();
    }
  }

  /** How the life of a daemon ends: by the weather, by a sub-updater that reboots, or else. */
  async #endOf(daemon: Running, until: number): Promise<"itself" | "killed" | "over" | "rebooted"> {
    let hasEnded = false;
    void daemon.ended.then(() => hasEnded = true, () => hasEnded = true);
    // One daemon lives on, so that its growth can be seen.
    const dieAt = this.#isSpared ? Infinity : performance.now() + 5000 + this.#random() * 20_000;
    for (;;) {
      await delay(500);
      if (this.#daemon?.child.pid !== undefined) this.growth.look(this.#daemon.child.pid);
      if (this.#isOver) return "over";
      if (hasEnded) return "itself";
      if (this.machine.wantsReboot) {
        this.#weather.strike("reboots", this.#number);
        return "rebooted";
      }
      if (performance.now() < dieAt || performance.now() > until || this.#weather.isCalm) continue;
      const isPower = this.#random() < 0.5;
      this.#weather.strike(isPower ? "power cuts" : "daemons killed", this.#number);
      return isPower ? "rebooted" : "killed";
    }
  }

  async #isKnown(): Promise<void> {
    while (this.id === "") await delay(100);
  }

  async #isOverWith(id: string): Promise<void> {
    const limit = performance.now() + DEPLOYMENT_LIMIT_MS;
    for (;;) {
      await delay(200);
      const status = this.#weather.server.deployment(id).devices[0]?.status ?? "";
      if (isFinal(status)) return;
      if (performance.now() < limit) continue;
      this.wrongs.push(
        `deployment ${id} is still ${status}: ${this.rig.read(this.rig.paths.record)}`,
      );
      this.#weather.server.abortDeployment(id);
      return;
    }
  }
}
