import type { KeyObject } from "node:crypto";
import {
  type Authorization,
  type DeviceCredentials,
  DeviceSession,
  type DeviceSessionOptions,
} from "../api/device_session.ts";
import { sendInventory } from "../api/inventory_call.ts";
import {
  type DeploymentOffer,
  type DeviceProvides,
  NextDeploymentPoll,
} from "../api/next_deployment.ts";
import type { ControlState } from "../control/control_map.ts";
import type { LivePool } from "../control/live_pool.ts";
import { type Config, type Paths, requireServers } from "../config/mod.ts";
import type { DeploymentStatus } from "../core/deployment_status.ts";
import { isMenderError } from "../core/errors.ts";
import type { Attributes } from "../core/key_value.ts";
import type { Logger } from "../core/logger.ts";
import { VERSION } from "../core/version.ts";
import type { DeploymentContext, DeploymentEvent } from "../deployment/context.ts";
import type { ApplicationHandoff } from "../deployment/handoff/application_handoff.ts";
import { deploymentLogger } from "../deployment/deployment_logger.ts";
import { deploymentFiles } from "../deployment/deployment_files.ts";
import { recordEvents } from "../deployment/record_events.ts";
import type { RunResult } from "../deployment/deployment_run.ts";
import { settleFound } from "../deployment/settle_found.ts";
import { type GateAnswer, UpdateGate } from "../deployment/update_gate.ts";
import { WaitMeter } from "../deployment/wait_meter.ts";
import {
  collectInventory,
  decideIdentityForm,
  encodeIdentity,
  inventoryPayload,
  noteIdentity,
  readIdentity,
} from "../identity/mod.ts";
import { type DeviceKey, loadOrCreateKey } from "../keys/mod.ts";
import type { LogSink } from "../log/record.ts";
import type { Redactor } from "../log/redactor.ts";
import type { Drivers } from "../runtime/drivers.ts";
import type { HttpDriver } from "../runtime/http/http_driver.ts";
import { loadModule } from "../runtime/load_module.ts";
import { proxySecrets } from "../runtime/http/proxy_settings.ts";
import { openMaps } from "./open_maps.ts";
import { prepareDataDirectory } from "../store/data_directory.ts";
import { readRequired } from "./required_file.ts";
import { SelfDescription } from "./self_description.ts";
import { trustOf } from "./trust.ts";

/** What a device is opened with. */
export interface OpenDeviceOptions {
  /** The machine. */
  readonly drivers: Drivers;
  /** Where everything is. */
  readonly paths: Paths;
  /** The configuration. */
  readonly config: Config;
  /** Where what happens is written. */
  readonly logger: Logger;
  /** Makes a logger that writes to another sink too: the log of a deployment. */
  readonly loggerWith: (sink: LogSink) => Logger;
  /** Learns the secrets that must not be logged. */
  readonly redactor: Redactor;
  /** Makes a new device key at the first use. */
  readonly isForced?: boolean;
  /** Update Control Maps, when they outlive this device; else it opens its own. */
  readonly maps?: LivePool;
  /** Installs in this process, in place of the sub-updater. */
  readonly application?: ApplicationHandoff | undefined;
  /** The identity, when it is not that of the identity script. */
  readonly identity?: Attributes | undefined;
  /** Told the progress of deployments. */
  readonly onEvent?: (event: DeploymentEvent) => void;
  /** Told the standing with the server; see {@link DeviceSessionOptions.onStanding}. */
  readonly onStanding?: DeviceSessionOptions["onStanding"];
}

/**
 * One device and its server: the composition of everything below, without a schedule. Resources are
 * released by {@link Device.close}.
 */
export class Device {
  readonly #options: OpenDeviceOptions;
  readonly #http: HttpDriver;
  readonly #session: DeviceSession;
  readonly #poll: NextDeploymentPoll;
  readonly #deployment: DeploymentContext;
  readonly #description: SelfDescription;
  #isForced: boolean;

  /**
   * Opens a device: makes the data directory where there is none, and an HTTP client. Nothing is sent.
   *
   * @throws {ConfigError} No server is configured, the client certificate cannot be read, or the
   * environment names a proxy that cannot be used.
   * @throws {StoreError} The data directory cannot be made.
   */
  static async open(options: OpenDeviceOptions): Promise<Device> {
    const { config, drivers, paths, logger, redactor } = options;
    requireServers(config);
    redactor.add(config.tenantToken);
    prepareDataDirectory(drivers.files, paths.dataDirectory);
    const trust = trustOf(config, paths.systemCaBundle, drivers, logger);
    for (const password of proxySecrets(trust.proxy)) redactor.add(password);
    const http = await drivers.http(trust);
    return new Device(options, http);
  }

  private constructor(options: OpenDeviceOptions, http: HttpDriver) {
    const { config, drivers, paths, logger, redactor } = options;
    this.#options = options;
    this.#isForced = options.isForced ?? false;
    this.#http = http;
    this.#description = new SelfDescription(drivers.files, drivers.clock, {
      deviceType: config.deviceTypeFile,
      artifactInfo: paths.artifactInfo,
    });
    this.#session = new DeviceSession({
      http,
      clock: drivers.clock,
      logger,
      servers: config.servers,
      tenantToken: config.tenantToken,
      credentials: (signal) => this.#credentials(signal),
      onToken: (token) => redactor.add(token),
      onStanding: options.onStanding,
    });
    this.#poll = new NextDeploymentPoll(this.#session, drivers.clock);
    const onEvent = options.onEvent ?? (() => {});
    this.#deployment = {
      drivers,
      paths,
      logDirectory: config.updateLogDirectory,
      session: this.#session,
      artifactHttp: http,
      ...deploymentFiles(drivers.files, paths, logger, recordEvents(onEvent)),
      verifyKeys: () => this.#verifyKeys(),
      renewLink: (deploymentId, signal) => this.#renewLink(deploymentId, signal),
      gate: new UpdateGate({
        maps: options.maps ?? openMaps(drivers, paths, config, logger),
        session: this.#session,
        clock: drivers.clock,
        updatePollMs: config.updatePollMs,
        retryPollMs: config.retryPollMs,
      }),
      downloadLimits: {
        maxTries: config.downloadMaxTries,
        maxMs: config.downloadGiveUpMs,
        bytesPerSecond: config.downloadBytesPerSecond,
      },
      handoff: { runner: config.handoffRunner, timeoutMs: config.handoffTimeoutMs },
      application: options.application,
      waitMeter: new WaitMeter(config.handoffTimeoutMs),
      retryPollMs: config.retryPollMs,
      logger,
      loggerWith: options.loggerWith,
      redact: (text) => redactor.redact(text),
      onEvent,
    };
  }

  /** Whether a token is at hand. */
  get isAuthorized(): boolean {
    return this.#session.isAuthorized;
  }

  /** Loads the device key, or makes it at first contact. Throws a {@link KeyError}. */
  async key(): Promise<DeviceKey> {
    const { config, drivers, paths, logger } = this.#options;
    const key = await loadOrCreateKey({
      files: drivers.files,
      path: config.authPrivateKeyFile ?? paths.key,
      isStatic: config.authPrivateKeyFile !== undefined,
      uid: drivers.self.uid,
      force: this.#isForced,
      logger,
    });
    this.#isForced = false;
    return key;
  }

  /** Asks the server for a token; see {@link DeviceSession.authenticate}. */
  authenticate(signal?: AbortSignal): Promise<void> {
    return this.#session.authenticate(signal);
  }

  /** A token and the server that gave it; see {@link DeviceSession.authorize}. */
  authorize(signal?: AbortSignal): Promise<Authorization> {
    return this.#session.authorize(signal);
  }

  /** Forgets the token, which the server no longer takes. */
  forget(): void {
    this.#session.forget();
  }

  /** Collects the inventory and sends it. */
  async sendInventory(signal?: AbortSignal): Promise<void> {
    const { config, drivers, paths, logger } = this.#options;
    const { attributes } = await collectInventory({
      files: drivers.files,
      processes: drivers.processes,
      directory: paths.inventoryDirectory,
      uid: drivers.self.uid,
      deviceTypeFile: config.deviceTypeFile,
      artifactInfoFile: paths.artifactInfo,
      clientVersion: `mender-deno ${VERSION}`,
      logger,
      ...(signal !== undefined && { signal }),
    });
    const payload = inventoryPayload(attributes);
    await sendInventory(this.#session, drivers.clock, payload, signal);
    logger.log("info", `Inventory sent: ${payload.length} attributes`);
  }

  /**
   * Asks for a deployment and carries it out up to the hand-off.
   *
   * @returns How it ended, or `nothing` when there is none.
   * @throws {ApiError} `api.unknown-device`: device type or Artifact name are not known here.
   * @throws What {@link NextDeploymentPoll.ask} and {@link runDeployment} throw.
   */
  async checkUpdate(signal: AbortSignal): Promise<RunResult | "nothing"> {
    const { device, asked } = this.#description.get();
    const offer = await this.#ask(asked, signal);
    if (offer === undefined) return "nothing";
    // Loaded now, as all that is wanted only when there is a deployment: most of the time there is none.
    const { runDeployment } = await loadSteps();
    return await runDeployment(this.#deployment, device, offer, signal);
  }

  /** Takes one look at what was left behind; see {@link settleFound}. */
  settle(signal: AbortSignal): Promise<"clear" | "waiting" | "again"> {
    return settleFound(this.#deployment, signal);
  }

  /** Whether a deployment is with the sub-updater. */
  get isLocked(): boolean {
    return this.#deployment.lock.read().kind !== "none";
  }

  /**
   * Tells the server the outcome that was recorded for a deployment (see {@link recordOutcome}).
   *
   * @returns `delivered`, or `recorded` with the reason when the server could not be told.
   * @throws {HandoffError} `handoff.already-reported`: another outcome was delivered before.
   * @throws {StoreError} What was delivered cannot be recorded.
   */
  async deliverReport(
    deploymentId: string,
    signal?: AbortSignal,
  ): Promise<
    { readonly state: "delivered" } | { readonly state: "recorded"; readonly why: unknown }
  > {
    try {
      const { deliverReport } = await loadSteps();
      await deliverReport(this.#deployment, deploymentId, signal);
      return { state: "delivered" };
    } catch (error) {
      signal?.throwIfAborted();
      if (!isMenderError(error) || isMenderError(error, "handoff.")) throw error;
      return { state: "recorded", why: error };
    }
  }

  /**
   * Tells the server what the sub-updater is about to do.
   *
   * @returns `accepted`; `gone`: the server has ended the deployment, it should be rolled back.
   * @throws {HandoffError} No sub-updater is at work for that deployment, or it has reported already.
   * @throws What the session throws; the status is recorded and sent later, unless an outcome comes.
   */
  async announce(
    deploymentId: string,
    status: DeploymentStatus,
    signal: AbortSignal,
  ): Promise<"accepted" | "gone"> {
    const { announceStatus } = await loadSteps();
    return await announceStatus(this.#deployment, deploymentId, status, signal);
  }

  /** The Update Control Maps that are in effect. */
  get maps(): LivePool {
    return this.#deployment.gate.maps;
  }

  /** Asks the maps whether a sub-updater may pass a point; see {@link UpdateGate.ask}. */
  askGate(deploymentId: string, state: ControlState, signal: AbortSignal): Promise<GateAnswer> {
    const logger = deploymentLogger(this.#deployment, deploymentId);
    return this.#deployment.gate.ask(deploymentId, state, logger, signal);
  }

  /** Waits until it makes sense to ask again; see {@link UpdateGate.changedSince}. */
  gateChanged(
    deploymentId: string,
    revision: number,
    signal: AbortSignal,
    limitMs: number,
  ): Promise<boolean> {
    return this.#deployment.gate.changedSince(deploymentId, revision, signal, limitMs);
  }

  /** Tells the server, once, that a sub-updater is held; see {@link announceHeld}. */
  async announceHeld(
    deploymentId: string,
    state: ControlState,
    signal: AbortSignal,
  ): Promise<"told" | "gone"> {
    const { announceHeld } = await loadSteps();
    return await announceHeld(this.#deployment, deploymentId, state, signal);
  }

  /** Closes idle connections. The device is not used afterwards. */
  close(): void {
    this.#session.close();
    this.#http.close();
  }

  async #credentials(signal: AbortSignal | undefined): Promise<DeviceCredentials> {
    const { config, drivers, paths, logger } = this.#options;
    const key = await this.key();
    const form = decideIdentityForm({
      files: drivers.files,
      paths,
      uid: drivers.self.uid,
      configured: config.identityFormat,
      logger,
    });
    const attributes = this.#options.identity ?? await readIdentity({
      files: drivers.files,
      processes: drivers.processes,
      script: paths.identityScript,
      form,
      logger,
      ...(signal !== undefined && { signal }),
    });
    const identity = encodeIdentity(attributes, form);
    await noteIdentity({ files: drivers.files, path: paths.identityFingerprint, logger }, identity);
    return { key, identity };
  }

  async #ask(asked: DeviceProvides, signal: AbortSignal): Promise<DeploymentOffer | undefined> {
    const offer = await this.#poll.ask(asked, signal);
    this.#options.redactor.add(offer?.uri);
    return offer;
  }

  async #renewLink(deploymentId: string, signal: AbortSignal): Promise<string | undefined> {
    const offer = await this.#ask(this.#description.get().asked, signal);
    return offer?.id === deploymentId ? offer.uri : undefined;
  }

  async #verifyKeys(): Promise<KeyObject[]> {
    const { config, drivers } = this.#options;
    const { readVerifyKeys } = await loadModule(() => import("../artifact/verify_keys.ts"));
    return readVerifyKeys(
      config.artifactVerifyKeyFiles.map((path) => ({
        path,
        text: readRequired(drivers.files, path, "verify Artifacts", "ArtifactVerifyKey"),
      })),
    );
  }
}

function loadSteps(): Promise<typeof import("../deployment/steps.ts")> {
  return loadModule(() => import("../deployment/steps.ts"));
}
