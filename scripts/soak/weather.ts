import { setTimeout as delay } from "node:timers/promises";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { Wire } from "../../tests/faults/matrix/wire.ts";
import { rigArtifact } from "../../tests/support/client_rig.ts";

/** Versions that are deployed in turn, so that none is the installed one. */
export const RELEASES: readonly string[] = ["release-2", "release-3"];

/** What ends connections, and sessions over them. */
const CUTS: readonly string[] = [
  "connections reset",
  "connections ended",
  "connections struck before a request",
  "server restarted",
  "network away",
];

/** A connection that lasts so long counts as a success, for whoever tries again and again. */
const FAIR_MS = 15_000;

/** A trouble that has ended connections of a device. */
export interface Blow {
  readonly kind: string;
  /** When, by `performance.now()`. */
  readonly at: number;
}

/** The server and the network between it and the devices, which both misbehave. */
export class Weather {
  readonly wire: Wire;
  /** How often each kind of trouble came. */
  readonly troubles = new Map<string, number>();
  server: MenderServer;
  readonly #start: () => Promise<MenderServer>;
  readonly #random: () => number;
  readonly #lastBlows = new Map<number | "all", Blow>();
  #calms = 0;

  private constructor(
    start: () => Promise<MenderServer>,
    random: () => number,
    server: MenderServer,
  ) {
    this.#start = start;
    this.#random = random;
    this.server = server;
    this.wire = new Wire(portOf(server));
  }

  /** Starts a server behind a wire. */
  static async begin(start: () => Promise<MenderServer>, random: () => number): Promise<Weather> {
    const weather = new Weather(start, random, await start());
    await weather.wire.open();
    return weather;
  }

  /** Where devices find the server. */
  get url(): string {
    return `http://127.0.0.1:${this.wire.port}`;
  }

  /** Puts what is deployed on the server. */
  async uploadArtifacts(): Promise<void> {
    for (const name of RELEASES) await this.server.uploadArtifact(rigArtifact(name, 2 << 20));
  }

  /** Makes trouble every few seconds, until then. */
  async blow(until: number): Promise<void> {
    while (performance.now() < until) {
      await delay(1000 + this.#random() * 4000);
      // Who waits longer after every failure has to see a success now and then.
      if (this.#random() < 0.1) await delay(FAIR_MS);
      if (!this.isCalm) await this.#trouble();
    }
    this.server.setInterceptor(undefined);
    this.wire.heal();
  }

  /** Counts a trouble. */
  note(kind: string): void {
    this.troubles.set(kind, (this.troubles.get(kind) ?? 0) + 1);
  }

  /** Counts a trouble that ends connections: of one device, or of all. */
  strike(kind: string, device: number | "all"): void {
    this.note(kind);
    this.#lastBlows.set(device, { kind, at: performance.now() });
  }

  /** What has ended connections of a device last. */
  lastBlow(device: number): Blow | undefined {
    const [own, common] = [this.#lastBlows.get(device), this.#lastBlows.get("all")];
    return (own?.at ?? 0) > (common?.at ?? 0) ? own : common;
  }

  /** Whether nobody shall make trouble now. */
  get isCalm(): boolean {
    return this.#calms > 0;
  }

  /** Makes no trouble until the work is done. */
  async inCalm(work: () => Promise<void>): Promise<void> {
    this.#calms++;
    try {
      await work();
    } finally {
      this.#calms--;
    }
  }

  /** Ends the server. */
  async end(): Promise<void> {
    await this.wire.close();
    await this.server.close();
  }

  async #trouble(): Promise<void> {
    const { wire, server } = this;
    const kinds: Readonly<Record<string, () => void | Promise<void>>> = {
      "connections reset": () => void wire.strikeOpen("reset"),
      "connections ended": () => void wire.strikeOpen("fin"),
      "connections struck before a request": () => wire.strikeNext("reset", 3),
      "tokens revoked": () => server.revokeTokens(),
      "links expired": () => server.expireLinks(),
      "answers 503 for a while": async () => {
        server.setInterceptor(async (exchange) => {
          if (exchange.target.startsWith("/api/management/")) return false;
          await exchange.drain();
          await exchange.reply(503, { "retry-after": "1" });
          return true;
        });
        await delay(1500);
        server.setInterceptor(undefined);
      },
      "server restarted": async () => {
        await wire.close();
        await this.server.close();
        this.server = await this.#start();
        wire.leadTo(portOf(this.server));
        await wire.open();
      },
      "network away": async () => {
        await wire.close();
        await delay(2000);
        await wire.open();
      },
    };
    const names = Object.keys(kinds);
    const name = names[Math.floor(this.#random() * names.length)]!;
    if (CUTS.includes(name)) this.strike(name, "all");
    else this.note(name);
    await kinds[name]!();
  }
}

function portOf(server: MenderServer): number {
  return Number(new URL(server.url).port);
}
