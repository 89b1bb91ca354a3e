import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { controlMapJson, controlMapText } from "../../../lib/control/control_map_json.ts";
import { askControl } from "../../../lib/daemon/control/ask_control.ts";
import { sleep } from "../../../lib/runtime/clock.ts";
import { systemClock } from "../../../lib/runtime/system_clock.ts";
import type { MenderServer } from "../../../lib/testing/mod.ts";
import { rigArtifact } from "../../support/client_rig.ts";
import { notedMap } from "../../support/control_maps.ts";
import { waitUntil } from "../../support/wait.ts";
import { withServer } from "../../support/with_server.ts";
import { Machine, type SimulatedProcess } from "./machine.ts";

const KEY = String(
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
    .export({ type: "pkcs8", format: "pem" }),
);
const ARTIFACT = rigArtifact("release-2", 3000);
const NEXT_ARTIFACT = rigArtifact("release-3", 3000);

const FIFTY_YEARS_MS = 50 * 365.25 * 86_400_000;

/** What the sub-updater does. */
export type SubUpdaterKind =
  | "installs"
  | "fails"
  | "reboots"
  | "removes the lock"
  | "leaves the lock"
  | "announces";

/**
 * What strikes at a step: the process is killed; the power goes, and with it all that was not synced, or
 * a part of it; the disk is full for the next two writes.
 */
export type Blow = "kill" | "power cut" | "torn power cut" | "full disk";

/** A blow, struck at the first step that fits; then the next one is waited for. */
export interface Strike {
  readonly at: (step: string, role: "daemon" | "report", number: number) => boolean;
  readonly blow: Blow;
}

/** One story of a device. */
export interface StoryOptions {
  readonly subUpdater: SubUpdaterKind;
  readonly strikes: readonly Strike[];
  /** Whether the daemon stays away until the sub-updater has ended: then `report` delivers. */
  readonly isDaemonLate?: boolean;
  /** Whether update control holds the deployment; it lets it go on once it is held. */
  readonly isHeld?: boolean;
  /** Source of chance. */
  readonly random?: () => number;
  /** Whether the wall clock jumps by fifty years at every step, to and fro. */
  readonly isClockMad?: boolean;
  /** Requests that the server answers with a reset, by their number. */
  readonly isAway?: (request: number) => boolean;
  /** Whether another deployment has to go well afterwards. */
  readonly withNext?: boolean;
}

/** What came of it. */
export interface StoryEnd {
  /** Steps of the commands, in order, as `daemon: sync update.lock`. */
  readonly steps: readonly string[];
  /** How many strikes were struck. */
  readonly struck: number;
  readonly starts: number;
  readonly final: string;
}

/**
 * Plays a whole deployment, from the offer to the acknowledged outcome, while blows fall; what dies is
 * started again, as a supervisor and a boot would do it. Then looks at what must be true.
 *
 * @throws {AssertionError} Something that must never happen has happened.
 */
export function playStory(options: StoryOptions): Promise<StoryEnd> {
  return withServer({ autoAccept: true }, (server) => new Story(server, options).play());
}

class Story {
  readonly #server: MenderServer;
  readonly #options: StoryOptions;
  readonly #machine: Machine;
  readonly #steps: string[] = [];
  readonly #wrongs: string[] = [];
  #struck = 0;
  #number = 0;
  #deploymentId = "";

  constructor(server: MenderServer, options: StoryOptions) {
    this.#server = server;
    this.#options = options;
    this.#machine = new Machine({
      serverUrl: server.url,
      identity: "mac=02:11:22:33:44:55\n",
      key: KEY,
      subUpdater: (_machine, process) => this.#subUpdater(process),
      onStatus: (status) => this.#checkAnnounced(status),
    });
  }

  async play(): Promise<StoryEnd> {
    const { isAway, withNext = false } = this.#options;
    await this.#server.uploadArtifact(ARTIFACT);
    if (withNext) await this.#server.uploadArtifact(NEXT_ARTIFACT);
    const first = await this.#machine.run("daemon", "--once");
    if (first !== 0) throw new Error(this.#story());
    let requests = 0;
    this.#server.setInterceptor((exchange) => {
      if (isAway?.(++requests) !== true) return false;
      exchange.reset();
      return true;
    });
    this.#machine.hook = (step, process) => this.#onStep(step, process);
    if (this.#options.isHeld === true) {
      const map = controlMapJson(notedMap("A0:pause"));
      this.#machine.disk.put(this.#machine.paths.controlMaps, JSON.stringify({ active: [map] }));
    }
    await this.#deploy("release-2");
    const end = this.#end();
    if (withNext) {
      this.#machine.hook = () => {};
      this.#machine.starts = 0;
      await this.#deploy("release-3");
    }
    return end;
  }

  async #deploy(artifactName: string): Promise<void> {
    this.#deploymentId = this.#server.createDeployment({ artifactName });
    const supervision = this.#supervise();
    const release = this.#options.isHeld === true ? this.#release() : undefined;
    try {
      await waitUntil("the end of the deployment", () => this.#isOver(), 30_000);
      this.#check();
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.#story()}`);
    } finally {
      this.#isSupervising = false;
      this.#machine.terminate();
      await supervision;
      await release;
    }
  }

  #isSupervising = true;

  /** Starts the daemon again whenever it has ended, after a boot with what is done at boots. */
  async #supervise(): Promise<void> {
    this.#isSupervising = true;
    while (this.#isSupervising) {
      const boot = this.#machine.bootId;
      const { isDaemonLate = false } = this.#options;
      await this.#machine.run("daemon", ...isDaemonLate ? [] : ["--stay"]);
      if (isDaemonLate) await this.#machine.subUpdaterEnds();
      if (this.#machine.bootId !== boot && this.#isSupervising) await this.#atBoot();
    }
  }

  /** An application that lets a held deployment go on, by maps that it sets and deletes. */
  async #release(): Promise<void> {
    const { paths } = this.#machine;
    const sockets = this.#machine.sockets.driver({});
    while (this.#isSupervising) {
      const { phase } = this.#record();
      if (phase === "held") {
        for (const map of ["B-5:pause", "B-5:", "A0:"]) {
          const request = { v: 1, do: "set-map", map: controlMapText(notedMap(map)) } as const;
          try {
            await askControl({ sockets, clock: systemClock }, paths.controlSocket, request, 2000);
          } catch {
            break; // it has just died; the next one is asked
          }
        }
      }
      await sleep(systemClock, 20);
    }
  }

  /** The sub-updater's own step at boot: it says how the update in progress went. */
  async #atBoot(): Promise<void> {
    const { disk, paths } = this.#machine;
    const outcome = this.#options.subUpdater === "fails" ? "--failure" : "--success";
    for (let attempt = 1; disk.text(paths.lock) !== undefined; attempt++) {
      const code = await this.#machine.run("report", outcome);
      if (code === 0) disk.remove(paths.lock);
      else if (code !== 1 && code !== undefined) return;
      // The daemon had given the deployment up, and the power took the removal of its lock back: whoever
      // is told so leaves the lock to it.
      else if (code === 1 && this.#isOutcomeRecorded()) return;
      // Killed, or nothing could be recorded: it is run again, but the blows end some time.
      else if (attempt === 20) throw new Error(`no outcome can be reported\n${this.#story()}`);
    }
  }

  /** The sub-updater, once it runs. */
  async #subUpdater(process: SimulatedProcess): Promise<void> {
    const { disk, paths } = this.#machine;
    this.#checkHandOff();
    const kind = this.#options.subUpdater;
    if (kind === "removes the lock") {
      disk.remove(paths.lock);
      return;
    }
    if (kind === "announces") await this.#machine.run("report", "--status", "installing");
    process.mustLive();
    if (kind === "reboots") return this.#machine.reboot();
    const code = await this.#machine.run("report", kind === "fails" ? "--failure" : "--success");
    process.mustLive();
    // Its whole group was killed, or nothing could be recorded: whoever looks after the device starts it
    // again.
    if (code === undefined || code === 1) return this.#machine.reboot();
    if (code === 0 && kind !== "leaves the lock") disk.remove(paths.lock);
  }

  #isOutcomeRecorded(): boolean {
    const { phase } = this.#record();
    return phase === "outcome_recorded" || phase === "acknowledged";
  }

  #onStep(step: string, process: SimulatedProcess): void {
    const role = process.command === "report" ? "report" : "daemon";
    if (this.#options.isClockMad === true) this.#machine.clockIsOffByMs = this.#nextJump();
    this.#steps.push(`${role}: ${step}`);
    const strike = this.#options.strikes[this.#struck];
    if (strike === undefined || !strike.at(step, role, ++this.#number)) return;
    this.#struck++;
    this.#number = 0;
    if (strike.blow === "full disk") this.#machine.disk.refusals = 2;
    else if (strike.blow === "kill") process.kill();
    else {
      const { random = () => 1 } = this.#options;
      this.#machine.reboot(() => strike.blow === "torn power cut" && random() < 0.5);
    }
  }

  #nextJump(): number {
    return [0, FIFTY_YEARS_MS, -FIFTY_YEARS_MS][this.#steps.length % 3]!;
  }

  #isOver(): boolean {
    const { disk, paths } = this.#machine;
    const [device] = this.#server.deployment(this.#deploymentId).devices;
    const record = this.#record();
    return ["success", "failure"].includes(device!.status) && record.phase === "acknowledged" &&
      record.id === this.#deploymentId && disk.text(paths.lock) === undefined &&
      this.#leftOvers().length === 0;
  }

  /** What a deployment that is over must not leave behind; the next start tidies, if need be. */
  #leftOvers(): string[] {
    const { disk, paths } = this.#machine;
    return disk.list(paths.dataDirectory)
      .filter((name) => /^artifact\.mender|log-upload/.test(name));
  }

  /** What the server is told must be on the disk before: it is what a power cut would leave. */
  #checkAnnounced(status: string): void {
    const record = this.#durableRecord();
    const allowed: Record<string, readonly string[]> = {
      downloading: ["downloading"],
      pause_before_installing: ["held"],
      installing: ["verified", "handed_over"],
      success: ["outcome_recorded", "acknowledged"],
      failure: ["outcome_recorded", "acknowledged"],
    };
    const isFinal = status === "success" || status === "failure";
    const isTold = allowed[status]?.includes(record?.phase ?? "none") === true &&
      (!isFinal || record?.outcome?.status === status);
    if (!isTold) this.#wrongs.push(`"${status}" is sent in phase "${record?.phase}"`);
  }

  /** The sub-updater finds everything in place, whatever happens to the power from now on. */
  #checkHandOff(): void {
    const { disk, paths } = this.#machine;
    const record = this.#durableRecord();
    if (!["handing_over", "handed_over"].includes(record?.phase)) {
      this.#wrongs.push(`the sub-updater is started in phase "${record?.phase}"`);
    }
    if (disk.durableText(paths.lock) !== this.#deploymentId) {
      this.#wrongs.push(`the sub-updater finds the lock "${disk.durableText(paths.lock)}"`);
    }
    const size = disk.durableText(paths.artifactFile)?.length ?? 0;
    if (size === 0) this.#wrongs.push("the sub-updater finds no durable Artifact");
  }

  // deno-lint-ignore no-explicit-any
  #record(): any {
    return JSON.parse(this.#machine.disk.text(this.#machine.paths.record) || "{}");
  }

  // deno-lint-ignore no-explicit-any
  #durableRecord(): any {
    const text = this.#machine.disk.durableText(this.#machine.paths.record);
    return text === undefined || text === "" ? undefined : JSON.parse(text);
  }

  #check(): void {
    const { disk, paths, starts } = this.#machine;
    const { history } = this.#server.deployment(this.#deploymentId).devices[0]!;
    const finals = history.filter(({ status }) => ["success", "failure"].includes(status));
    assert.deepEqual(this.#wrongs, []);
    assert.ok(starts <= 1, `the sub-updater was started ${starts} times`);
    assert.equal(finals.length, 1);
    assert.equal(finals[0], history.at(-1));
    const violations = this.#server.violations().map(({ violation, body }) => [violation, body]);
    assert.deepEqual(violations, []);
    const corrupt = disk.list(paths.dataDirectory).filter((name) => name.includes("corrupt"));
    assert.deepEqual([...this.#leftOvers(), ...corrupt], []);
  }

  #end(): StoryEnd {
    return {
      steps: this.#steps,
      struck: this.#struck,
      starts: this.#machine.starts,
      final: this.#server.deployment(this.#deploymentId).devices[0]!.status,
    };
  }

  #story(): string {
    const history = this.#deploymentId === ""
      ? []
      : this.#server.deployment(this.#deploymentId).devices[0]!.history;
    return [
      `the server knows: ${history.map(({ status }) => status)}`,
      `struck ${this.#struck} of ${this.#options.strikes.length}`,
      `last steps: ${this.#steps.slice(-20).join("\n  ")}`,
      `record: ${this.#machine.disk.text(this.#machine.paths.record)}`,
      `files: ${this.#machine.disk.list(this.#machine.paths.dataDirectory)}`,
      this.#machine.output.slice(-60).join(""),
    ].join("\n");
  }
}
