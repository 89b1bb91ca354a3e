import { createHash, generateKeyPairSync } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { Clock } from "../../../lib/runtime/clock.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import {
  type HttpExchange,
  type MenderServer,
  type ServerOptions,
  startServer,
} from "../../../lib/testing/mod.ts";
import { ClientRig } from "../../support/client_rig.ts";
import { TestAuthority } from "../../support/certificates.ts";
import { fastClock } from "../../support/fast_clock.ts";
import { waitUntil } from "../../support/wait.ts";
import { smallArtifact } from "../../support/with_server.ts";
import { type Call, callOf } from "./call.ts";
import { DeviceKnobs } from "./device_knobs.ts";
import { DeviceProgram, type LogLine } from "./device_program.ts";
import { type Front, openFront } from "./front.ts";
import { observe } from "./observe.ts";
import { RefusingProxy } from "./proxy.ts";
import type { Group, Row, Scheme, Seen } from "./row.ts";
import { SubUpdater } from "./sub_updater.ts";
import { Wire } from "./wire.ts";

const KEY = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
  .export({ type: "pkcs8", format: "pem" });
/** What is deployed while the fault happens. */
export const ARTIFACT: Uint8Array = smallArtifact("release-2", 120_000);
/** Its size in bytes. */
export const SIZE: number = ARTIFACT.length;
/** Its entity tag, as the server makes it. */
export const ETAG: string = `"${createHash("sha256").update(ARTIFACT).digest("hex")}"`;
/** An authority that the device trusts beside that of its server. */
export const TRUSTED: TestAuthority = new TestAuthority();
const NEXT_ARTIFACT = smallArtifact("release-3", 3000);
/** Longest wait that the configuration of the device allows, in seconds. */
export const RETRY_SECONDS = 5;
/** Statuses behind which nothing comes any more. */
export const FINAL: readonly string[] = [
  "success",
  "failure",
  "aborted",
  "already-installed",
  "decommissioned",
];
/** A row that takes longer has failed. */
export const ROW_LIMIT_MS = 40_000;

/** A device and its server, with a wire between them, and all the knobs by which rows do harm. */
export class Life extends DeviceKnobs {
  readonly rig: ClientRig;
  readonly wire: Wire;
  readonly subUpdater: SubUpdater;
  server: MenderServer;
  program: DeviceProgram;
  /** The deployment of this row. */
  deploymentId = "";
  /** The way to the server, when the group has one. */
  readonly proxy: RefusingProxy | undefined;
  readonly #front: Front | undefined;
  /** Arguments of the daemon. */
  daemonArgs: readonly string[] = ["daemon", "--stay"];
  readonly log: LogLine[] = [];
  /** How often the fault of this row has struck. */
  strikes = 0;
  readonly #clock: Clock;
  readonly #options: Partial<ServerOptions>;
  #from = 0;
  #violations = 0;
  #starts = 0;

  private constructor(
    root: string,
    group: Group,
    options: Partial<ServerOptions>,
    server: MenderServer,
    wire: Wire,
    proxied: { readonly proxy?: RefusingProxy; readonly front?: Front },
  ) {
    super();
    this.#options = options;
    this.server = server;
    this.wire = wire;
    this.proxy = proxied.proxy;
    this.#front = proxied.front;
    this.#clock = fastClock(group.clockFactor ?? 20);
    this.rig = new ClientRig(root, {
      serverUrl: this.url,
      config: {
        RetryPollIntervalSeconds: RETRY_SECONDS,
        UpdatePollIntervalSeconds: 2,
        InventoryPollIntervalSeconds: 36_000,
        ...(server.caCertificate !== undefined && { ServerCertificate: join(root, "ca.pem") }),
        ...group.config,
      },
    });
    if (server.caCertificate !== undefined) {
      this.rig.write(join(root, "ca.pem"), `${server.caCertificate}\n${TRUSTED.certificate}`);
    }
    this.rig.write(this.rig.paths.key, KEY, 0o600);
    this.program = this.#startProgram();
    this.subUpdater = new SubUpdater(this);
  }

  /** Starts a server, and a device that has been let in and has nothing to do. */
  static async begin(root: string, group: Group, scheme: Scheme): Promise<Life> {
    const options: Partial<ServerOptions> = {
      drivers: await hostDrivers(),
      autoAccept: true,
      tls: scheme === "https",
      dir: join(root, "server"),
      ...(group.tokenLifeSeconds !== undefined && { tokenLifeSeconds: group.tokenLifeSeconds }),
    };
    const server = await startServer(options);
    const port = Number(new URL(server.url).port);
    const { caCertificate } = server;
    const isProxied = group.isProxied === true;
    const front = isProxied && caCertificate !== undefined
      ? await openFront(TRUSTED.issue(), port, caCertificate)
      : undefined;
    const wire = new Wire(front?.port ?? port);
    await wire.open();
    const life = new Life(root, group, options, server, wire, {
      ...(isProxied && { proxy: await RefusingProxy.open() }),
      ...(front !== undefined && { front }),
    });
    await life.uploadArtifacts();
    await life.isIdle();
    return life;
  }

  /** Where the device finds its server: at the wire. */
  get url(): string {
    // An address of this machine would be reached without the proxy.
    const host = this.proxy === undefined ? "127.0.0.1" : "mender.example";
    return `${this.server.url.split("://")[0]}://${host}:${this.wire.port}`;
  }

  /** Time on the device's monotonic clock, in milliseconds. */
  now(): number {
    return this.#clock.monotonic() + this.clockIsOffBy.monotonic;
  }

  /**
   * Lets a fault happen, until the deployment is over; then looks, repairs, and deploys once more.
   *
   * @param isFollowed Whether a row of the same family comes next: then that one shows how it goes on.
   */
  async play(row: Row, isFollowed: boolean): Promise<Seen> {
    this.log.length = 0;
    this.strikes = 0;
    this.subUpdater.behave("reports success");
    this.#from = this.server.journal.position;
    this.#violations = this.server.violations().length;
    await row.arm?.(this);
    this.deploymentId = this.deploy("release-2");
    await row.during?.(this);
    await this.isOver(this.deploymentId);
    const seen = observe(this, row, this.server.journal.entries.slice(this.#from));
    this.heal();
    await row.repair?.(this);
    this.log.length = 0;
    this.subUpdater.behave("reports success");
    if (row.isLight === true && isFollowed) await this.#isSettled();
    else await this.goesOn();
    return seen;
  }

  /** Notes that the fault has struck: a row in which it never does proves nothing. */
  hasStruck(): void {
    this.strikes++;
  }

  /** The next deployment must go well, whatever happened. */
  async goesOn(): Promise<void> {
    const from = this.server.journal.position;
    const next = this.deploy("release-3");
    await this.isOver(next);
    const status = this.statuses(next).at(-1);
    if (status !== "success") throw new Error(`the next deployment ended as ${status}`);
    await this.#isSettled(from);
  }

  /** Waits until nothing of a deployment is to be done any more, the inventory that follows it included. */
  async #isSettled(from = this.#from): Promise<void> {
    if (this.subUpdater.starts > this.#starts) {
      await this.server.journal.waitFor(
        ({ path, status }) => path.endsWith("/attributes") && status === 200,
        { timeoutMs: ROW_LIMIT_MS, from },
      );
    }
    this.#starts = this.subUpdater.starts;
    await this.isIdle();
  }

  /** Deploys to the device, and wakes it. */
  deploy(artifactName: string): string {
    const id = this.server.createDeployment({ artifactName, force: true });
    this.program.kill("SIGUSR1");
    return id;
  }

  /**
   * Interferes with the next requests of a kind. What the handler answers is a strike; what it does not,
   * by returning `false`, the server answers.
   */
  on(call: Call, times: number, handle: (exchange: HttpExchange, number: number) => unknown): void {
    let number = 0;
    this.server.setInterceptor(async (exchange) => {
      if (callOf(exchange) !== call || number >= times) return false;
      if (await handle(exchange, ++number) === false) return false;
      this.hasStruck();
      return true;
    });
  }

  /** Takes every fault away. */
  heal(): void {
    this.server.setInterceptor(undefined);
    this.wire.heal();
    this.proxy?.heal();
    this.release();
  }

  /** Ends the daemon, as a service manager does, and waits until it is gone. */
  async stopDaemon(): Promise<void> {
    this.program.kill("SIGTERM");
    await this.program.ended;
  }

  /** Starts the daemon again. */
  startDaemon(): void {
    this.onDaemonStart?.();
    this.program = this.#startProgram();
  }

  /** Starts the daemon, and again when it ends by itself, as a service manager does, until it answers. */
  async daemonIsUp(): Promise<void> {
    this.startDaemon();
    await waitUntil("a daemon", async () => {
      if (this.program.code !== undefined) this.startDaemon();
      return await this.run("check-update") === 0;
    }, ROW_LIMIT_MS);
  }

  /** Runs another command of the device. */
  run(...args: readonly string[]): Promise<number> {
    return this.#start(args).ended;
  }

  /** Ends the server; another one takes its place, with what the old one knew or without. */
  async restartServer(keeps: "keeps its state" | "knows nothing"): Promise<void> {
    this.hasStruck();
    await this.wire.close();
    await this.server.close();
    const dir = keeps === "keeps its state"
      ? this.#options.dir
      : join(this.rig.root, `server-${crypto.randomUUID()}`);
    // The authority of before, or the device could not trust the new one.
    this.server = await startServer({ ...this.#options, dir: dir! });
    this.#from = this.#violations = 0;
    if (keeps === "knows nothing") await this.uploadArtifacts();
    this.wire.leadTo(Number(new URL(this.server.url).port));
    await this.wire.open();
  }

  /** Puts what is deployed on the server. */
  async uploadArtifacts(): Promise<void> {
    for (const artifact of [ARTIFACT, NEXT_ARTIFACT]) await this.server.uploadArtifact(artifact);
  }

  /** Waits until the device has asked for a deployment, and got none. */
  async isIdle(): Promise<void> {
    const from = this.server.journal.position;
    this.program.kill("SIGUSR1");
    await this.server.journal.waitFor(
      ({ path, status }) => path.endsWith("/next") && status === 204,
      { timeoutMs: ROW_LIMIT_MS, from },
    );
  }

  /** The statuses of a deployment, in order. */
  statuses(id: string): string[] {
    return (this.server.deployment(id).devices[0]?.history ?? [])
      .map(({ status }) => status).filter((status) => status !== "pending");
  }

  /** What the device has done in this row that the server does not like. */
  violations(): string[] {
    return this.server.violations().slice(this.#violations).map(({ violation = "" }) => violation);
  }

  /** Waits until a deployment has a final status, and the device has done with it. */
  async isOver(id: string): Promise<void> {
    const { rig } = this;
    const where = (): string => `${this.statuses(id)}; ${rig.read(rig.paths.record)}`;
    await waitUntil("the end", () => {
      if (!FINAL.includes(this.statuses(id).at(-1) ?? "")) return false;
      if (existsSync(rig.paths.lock) || existsSync(rig.paths.artifactFile)) return false;
      const phase = /"phase": "(\w+)"/.exec(rig.read(rig.paths.record))?.[1];
      return phase === "acknowledged" || phase === "aborted" || phase === undefined;
    }, ROW_LIMIT_MS).catch((error) => {
      throw new Error(`${error.message}; ${where()}`);
    });
  }

  /** Names of what lies in the data directory, without what differs from run to run. */
  dataFiles(): string[] {
    const { dataDirectory } = this.rig.paths;
    return existsSync(dataDirectory)
      ? readdirSync(dataDirectory).map((name) =>
        basename(name).replace(/[0-9a-f]{8}-[0-9a-f-]{8,27}/, "<id>").replace(/\.\d{4}\./, ".<n>.")
      ).sort()
      : [];
  }

  /** What was logged, for the message of a failure. */
  story(): string {
    return this.log.map((line) => JSON.stringify(line)).slice(-30).join("\n") + this.program.rest;
  }

  /** Ends everything. */
  async end(): Promise<void> {
    this.heal();
    await this.subUpdater.end();
    await this.stopDaemon();
    await this.proxy?.close();
    await this.wire.close();
    await this.#front?.close();
    await this.server.close();
    await this.rig.stop();
  }

  #startProgram(): DeviceProgram {
    return this.#start(this.daemonArgs);
  }

  #start(args: readonly string[]): DeviceProgram {
    return new DeviceProgram({
      root: this.rig.root,
      clock: this.#clock,
      onLog: (line) => void this.log.push(line),
      drivers: (drivers) => this.machineOf(drivers, this.proxy?.url),
    }, args);
  }
}
