import { setTimeout as delay } from "node:timers/promises";
import { ClientRig, type Running } from "../../tests/support/client_rig.ts";
import { isFinal } from "./final_status.ts";
import { MAP_LIFE_CONFIG, SoakFlow } from "./flow.ts";
import { Growth } from "./growth.ts";
import { Machine } from "./machine.ts";
import { writeSubUpdater } from "./sub_updater.ts";
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
  readonly growth = new Growth("daemon");
  readonly wrongs: string[] = [];
  readonly #weather: Weather;
  readonly #random: () => number;
  readonly #mac: string;
  readonly #isSpared: boolean;
  #daemon: Running | undefined;
  #isOver = false;
  #supervisor: Promise<void> | undefined;

  /** Makes it in a directory; nothing runs yet. */
  constructor(root: string, weather: Weather, number: number, random: () => number) {
    this.#weather = weather;
    this.#random = random;
    this.#isSpared = number === 0;
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
      env: { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent/bus" },
    });
    writeSubUpdater(this.rig, this.machine, !this.#isSpared);
    this.flow = new SoakFlow({
      rig: this.rig,
      random,
      deployments: this.deployments,
      note: (kind) => weather.note(kind),
    });
  }

  /** Lives until then: one deployment after the other, and a daemon that is killed. */
  async live(until: number): Promise<void> {
    this.#supervisor = this.#supervise(until);
    await this.#isKnown();
    const controlling = this.flow.run(until);
    for (let turn = 0; performance.now() < until; turn++) {
      const id = this.#weather.server.createDeployment({
        artifactName: RELEASES[turn % RELEASES.length]!,
        devices: [this.id],
        force: true,
      });
      this.deployments.push(id);
      await this.#isOverWith(id);
    }
    await controlling;
    this.#isOver = true;
    await this.#supervisor;
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
      if (end === "killed") daemon.kill("SIGKILL");
      if (end === "over") daemon.kill("SIGTERM");
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
        this.#weather.note("reboots");
        return "rebooted";
      }
      if (performance.now() < dieAt || performance.now() > until) continue;
      const isPower = this.#random() < 0.5;
      this.#weather.note(isPower ? "power cuts" : "daemons killed");
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
