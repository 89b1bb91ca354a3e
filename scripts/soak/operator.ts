import { Buffer } from "node:buffer";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../lib/core/errors.ts";
import type { ClientRig } from "../../tests/support/client_rig.ts";
import { membersOf } from "../../tests/support/processes.ts";
import { visitFile } from "./file_visit.ts";
import type { Machine } from "./machine.ts";
import { SessionBroken } from "./session_broken.ts";
import { ShellVisit } from "./shell_visit.ts";
import { ShellWatch } from "./shell_watch.ts";
import { IDLE_SECONDS } from "./terminal.ts";
import type { Weather } from "./weather.ts";

/** So long before its effect a trouble may have begun: a server restarts, a killed daemon's terminal ends. */
const BLOW_LASTS_MS = 15_000;
/** A device that was out of reach for so long is given calm. */
const PATIENCE_MS = 90_000;
/** In calm a session works within this time: the longest wait between two attempts is a minute. */
const CALM_LIMIT_MS = 150_000;
/** Within this time a shell is gone that ended, or that nobody uses; a busy machine takes 10 s for 4. */
const ENDED_LIMIT_MS = 30_000;
const LEFT_LIMIT_MS = IDLE_SECONDS * 1000 + 45_000;

/** What an operator of remote access works with. */
export interface SoakOperatorOptions {
  readonly rig: ClientRig;
  readonly machine: Machine;
  readonly weather: Weather;
  readonly random: () => number;
  /** Of the device. */
  readonly number: number;
  /** The same at the server. */
  deviceId(): string;
}

/** Uses remote access of a device as people do, and looks at every byte. */
export class SoakOperator {
  readonly wrongs: string[] = [];
  readonly shells: ShellWatch;
  /** Sessions and transfers that were broken, by what. */
  readonly broken = new Map<string, number>();
  sessions = 0;
  files = 0;
  bytes = 0;
  readonly #options: SoakOperatorOptions;
  #workedAt = 0;

  constructor(options: SoakOperatorOptions) {
    this.#options = options;
    this.shells = new ShellWatch(options.machine.mark);
  }

  /** Uses it until then; at the end it works, and no shell is left. */
  async run(until: number): Promise<void> {
    const { random } = this.#options;
    let isOver = false;
    const watching = this.shells.run(() => isOver);
    this.#workedAt = performance.now();
    while (performance.now() < until) {
      await delay(500 + random() * 2500);
      if (performance.now() > this.#workedAt + PATIENCE_MS) await this.#waitInCalm();
      else if (this.#isConnected()) await this.#visit();
    }
    await this.#waitInCalm();
    this.shells.expectAllEnd(LEFT_LIMIT_MS, "the last user has left");
    isOver = true;
    await watching;
  }

  /** The terminal ends now, and has no time to tell anybody: what runs in its shells has to end too. */
  terminalEnds(why: string): void {
    this.shells.expectAllEnd(ENDED_LIMIT_MS, why);
  }

  async #visit(): Promise<void> {
    const kind = this.#options.random();
    if (kind < 0.2) await this.#try("a transfer", () => this.#transfer());
    else if (kind < 0.4) await Promise.all([this.#session(), this.#session()]);
    else await this.#session();
  }

  /** Whatever was before: without trouble a session works within the limit. */
  async #waitInCalm(): Promise<void> {
    await this.#options.weather.inCalm(async () => {
      const before = this.#workedAt;
      const limit = performance.now() + CALM_LIMIT_MS;
      while (this.#workedAt === before) {
        if (performance.now() > limit) {
          this.wrongs.push(`no session works ${CALM_LIMIT_MS / 1000} s after the last trouble`);
          this.#workedAt = performance.now();
        }
        if (this.#isConnected()) await this.#session();
        await delay(200);
      }
    });
  }

  async #session(): Promise<void> {
    const { weather, random } = this.#options;
    await this.#try("a session", async () => {
      if (!this.#isConnected()) throw new SessionBroken("the device has just gone");
      const visit = new ShellVisit(weather.server.openSession(this.#options.deviceId()));
      this.sessions++;
      try {
        await visit.begin();
        if (random() < 0.6) visit.startJob(random() < 0.3);
        for (let steps = 1 + Math.floor(random() * 3); steps > 0; steps--) {
          await this.#step(visit);
          await delay(random() * 2000);
        }
        await this.#leave(visit);
        this.#workedAt = performance.now();
      } catch (error) {
        if (visit.pid !== undefined) {
          this.shells.expectEnd(visit.pid, LEFT_LIMIT_MS, `it was broken: ${messageOf(error)}`);
        }
        throw error;
      } finally {
        this.bytes += visit.checkedBytes;
        await visit.leave();
      }
    });
  }

  async #step(visit: ShellVisit): Promise<void> {
    const { random } = this.#options;
    const kind = random();
    if (kind < 0.4) await visit.lines(1 + Math.floor(random() * 1000));
    else if (kind < 0.6) await visit.lines(20_000 + Math.floor(random() * 60_000));
    else await visit.input(this.#noise(100_000), random);
  }

  async #leave(visit: ShellVisit): Promise<void> {
    const { random } = this.#options;
    const kind = random();
    const pid = visit.pid!;
    if (kind < 0.6) {
      await visit.stop();
      const left = membersOf(pid);
      if (left.length > 0) throw new Error(`a shell that is told to be stopped runs on: ${left}`);
    } else if (kind < 0.8) {
      await visit.exit();
      this.shells.expectEnd(pid, ENDED_LIMIT_MS, "it has ended by itself");
    } else this.shells.expectEnd(pid, LEFT_LIMIT_MS, "its user has left without a word");
  }

  async #transfer(): Promise<void> {
    const { rig, weather, random, deviceId } = this.#options;
    const path = join(rig.root, "files", `file-${Math.floor(random() * 4)}`);
    const content = this.#noise(500_000);
    await visitFile(weather.server, deviceId(), path, content);
    this.files++;
    this.bytes += 2 * content.length;
  }

  /** What does not work is wrong, unless a trouble explains that it was cut off. */
  async #try(what: string, work: () => Promise<void>): Promise<void> {
    const { weather, number } = this.#options;
    const startedAt = performance.now();
    try {
      await work();
    } catch (error) {
      const blow = weather.lastBlow(number);
      const isCut = error instanceof SessionBroken;
      if (isCut && blow !== undefined && blow.at > startedAt - BLOW_LASTS_MS) {
        this.broken.set(blow.kind, (this.broken.get(blow.kind) ?? 0) + 1);
      } else this.wrongs.push(`${what} of device ${number}: ${messageOf(error)}`);
    }
  }

  #isConnected(): boolean {
    const { weather, deviceId } = this.#options;
    return weather.server.isConnected(deviceId());
  }

  #noise(limit: number): Buffer<ArrayBuffer> {
    const { random } = this.#options;
    return Buffer.from(Uint8Array.from({ length: 1 + random() * limit }, () => random() * 256));
  }
}
