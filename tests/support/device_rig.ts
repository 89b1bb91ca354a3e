import { generateKeyPairSync } from "node:crypto";
import { Device } from "../../lib/device/device.ts";
import { loadConfig } from "../../lib/config/mod.ts";
import type { DeploymentEvent } from "../../lib/deployment/context.ts";
import { logTo, textLine } from "../../lib/log/record.ts";
import { Redactor } from "../../lib/log/redactor.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import type { HttpExchange, MenderServer } from "../../lib/testing/mod.ts";
import { ClientRig } from "./client_rig.ts";
import { fastClock } from "./fast_clock.ts";
import { inTemporaryDirectory } from "./temporary.ts";

/** How much faster than the world the client's clock runs: 30 s of silence take 0.75 s. */
export const CLOCK_FACTOR = 40;

/** One key for all: to make an RSA key for each test would take longer than the test. */
const DEVICE_KEY = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
  .export({ type: "pkcs8", format: "pem" });

/** A device in this process, over real sockets and files, with a clock that makes waits short. */
export interface DeviceRig {
  readonly rig: ClientRig;
  readonly device: Device;
  readonly events: DeploymentEvent[];
  /** What was logged so far, as text. */
  log(): string;
}

/** What may be different about a device rig. */
export interface DeviceRigOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  /** Puts other drivers in the place of some of the machine's. */
  readonly drivers?: (drivers: Drivers) => Drivers;
}

/** Runs a test body with a directory in which devices can be opened, one after another. */
export function withDeviceRoot<T>(
  server: MenderServer,
  options: DeviceRigOptions,
  body: (open: (more?: DeviceRigOptions) => Promise<DeviceRig>) => Promise<T>,
): Promise<T> {
  return inTemporaryDirectory(async (root) => {
    const rig = new ClientRig(root, {
      serverUrl: server.url,
      config: { RetryPollIntervalSeconds: 60, ...options.config },
    });
    rig.write(rig.paths.key, DEVICE_KEY, 0o600);
    if (server.caCertificate !== undefined) {
      rig.write(`${root}/ca.pem`, server.caCertificate);
      const config = JSON.parse(rig.read(rig.paths.mainConfig));
      config.ServerCertificate = `${root}/ca.pem`;
      rig.write(rig.paths.mainConfig, JSON.stringify(config));
    }
    const opened: Device[] = [];
    try {
      return await body(async (more = {}) => {
        const rigged = await openDevice(rig, { ...options, ...more });
        opened.push(rigged.device);
        return rigged;
      });
    } finally {
      for (const device of opened) device.close();
    }
  });
}

/** Requests for the bytes of an Artifact, as the server saw them: the range, or `whole`. */
export function artifactRequests(server: MenderServer): string[] {
  return server.journal.entries
    .filter(({ path, method }) => method === "GET" && path.startsWith("/storage/"))
    .map(({ headers }) => headers["range"] ?? "whole");
}

/** Whether an exchange asks for the bytes of an Artifact. */
export function isArtifactRequest(exchange: HttpExchange): boolean {
  return exchange.target.startsWith("/storage/");
}

async function openDevice(rig: ClientRig, options: DeviceRigOptions): Promise<DeviceRig> {
  const host = await hostDrivers();
  const fast: Drivers = { ...host, clock: fastClock(CLOCK_FACTOR) };
  const drivers = options.drivers?.(fast) ?? fast;
  const redactor = new Redactor();
  const lines: string[] = [];
  const events: DeploymentEvent[] = [];
  const keep = (record: Parameters<typeof textLine>[0]): void => void lines.push(textLine(record));
  const logger = logTo([keep], redactor, drivers.clock);
  const device = await Device.open({
    drivers,
    paths: rig.paths,
    config: loadConfig({ files: drivers.files, paths: rig.paths, logger }),
    logger,
    loggerWith: (sink) => logTo([keep, sink], redactor, drivers.clock),
    redactor,
    onEvent: (event) => events.push(event),
  });
  return { rig, device, events, log: () => lines.join("") };
}
