import type { ControlMap } from "../../lib/control/control_map.ts";
import { controlMapJson, controlMapText } from "../../lib/control/control_map_json.ts";
import { BusConnection } from "../../lib/dbus/bus_connection.ts";
import { UpdateManagerClient } from "../../lib/dbus/update_manager_client.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import { type MenderServer, writeArtifact } from "../../lib/testing/mod.ts";
import { MenderDaemon, prepareMender } from "./mender_namespace.ts";
import { OurDaemon } from "./our_daemon.ts";
import { type BusRules, type SystemBus, withSystemBus } from "./system_bus.ts";
import { inTemporaryDirectory } from "./temporary.ts";
import { waitUntil } from "./wait.ts";
import { withServer } from "./with_server.ts";

/** Whether the update wants a reboot. Its module makes the reboot, which does nothing. */
export type UpdateKind = "plain" | "reboot";

/** The client that is controlled: the real mender 3.4, or our daemon in its place. */
export type ControlledClient = "mender 3.4" | "our daemon";

/** How a {@link UpdateRig} is set up. */
export interface UpdateRigOptions {
  /** Life of a map in seconds. */
  readonly lifeSeconds: number;
  /** Life of a stored map after a start of the client, in seconds. */
  readonly bootLifeSeconds?: number;
  /** Who is controlled; mender when absent. */
  readonly client?: ControlledClient;
  /** Rules of the bus. */
  readonly rules?: BusRules;
}

const DEVICE_TYPE = "acme-box";
/** Generous: other work may run on the machine. */
const DEADLINE_MS = 40_000;

/** The client on a bus of its own, with a server that sends it updates. */
export class UpdateRig {
  readonly dir: string;
  readonly server: MenderServer;
  readonly bus: SystemBus;
  readonly daemon: MenderDaemon | OurDaemon;
  #updates = 0;

  constructor(dir: string, server: MenderServer, bus: SystemBus, daemon: MenderDaemon | OurDaemon) {
    this.dir = dir;
    this.server = server;
    this.bus = bus;
    this.daemon = daemon;
  }

  /** Waits until the client offers update control. */
  async ready(): Promise<void> {
    const connection = await this.connect();
    let isThere = false;
    await new UpdateManagerClient(connection).watchPresence((owner) => {
      isThere = owner !== undefined;
    });
    await waitUntil("the client on the bus", () => isThere, DEADLINE_MS);
    connection.close();
    await connection.lost;
  }

  /** A connection, which the caller closes. */
  connect(): Promise<BusConnection> {
    return BusConnection.open(this.bus.address, { clock: systemClock });
  }

  /** Sets a map once. */
  async set(map: ControlMap): Promise<number> {
    const connection = await this.connect();
    try {
      return await new UpdateManagerClient(connection).setUpdateControlMap(controlMapText(map));
    } finally {
      connection.close();
      await connection.lost;
    }
  }

  /** Starts an update; `serverMap` comes from the server with it, under the deployment's ID. */
  async update(kind: UpdateKind = "plain", serverMap?: ControlMap): Promise<string> {
    const name = `release-${++this.#updates}`;
    await this.server.uploadArtifact(writeArtifact({
      name,
      deviceTypes: [DEVICE_TYPE],
      payloadType: kind,
      files: [{ name: "payload.bin", content: { sizeBytes: 2000, seed: this.#updates } }],
      compression: "gz",
    }));
    return this.server.createDeployment({
      artifactName: name,
      ...(serverMap && { updateControlMap: serverPart(serverMap) }),
    });
  }

  /** Replaces the server's map of a deployment. */
  setServerMap(id: string, map: ControlMap): void {
    this.server.setUpdateControlMap(id, serverPart(map));
  }

  /** What the device has reported of a deployment, each status once in a row. */
  history(id: string): string[] {
    const all = this.server.deployment(id).devices[0]?.history.map(({ status }) => status) ?? [];
    return all.filter((status, at) => status !== "pending" && status !== all[at - 1]);
  }

  /** Waits until a deployment has come to a status. */
  async reaches(id: string, status: string): Promise<void> {
    await waitUntil(
      `${status} of ${id}`,
      () => this.history(id).at(-1) === status,
      DEADLINE_MS,
    ).catch((error) => {
      throw new Error(`${error.message}; history: ${this.history(id).join(", ")}`);
    });
  }
}

/** Runs a test body with the client on a bus. When it fails, what the client said is told. */
export function withUpdateRig(
  options: UpdateRigOptions,
  body: (rig: UpdateRig) => Promise<void>,
): Promise<void> {
  const { rules = {} } = options;
  return inTemporaryDirectory((dir) =>
    withSystemBus(dir, rules, (bus) =>
      withServer({ autoAccept: true }, async (server) => {
        const daemon = prepareClient(options, dir, server.url, bus);
        const rig = new UpdateRig(dir, server, bus, daemon);
        daemon.start();
        try {
          await rig.ready();
          // The server knows the device by then.
          await server.journal.waitFor(
            ({ path, status }) => path.endsWith("/next") && status === 204,
            { timeoutMs: DEADLINE_MS },
          );
          await body(rig);
        } catch (error) {
          throw daemon.blamed(error);
        } finally {
          await daemon.stop();
          if (daemon instanceof OurDaemon) await daemon.rig.stop();
        }
      }))
  );
}

function prepareClient(
  { lifeSeconds, bootLifeSeconds, client }: UpdateRigOptions,
  dir: string,
  serverUrl: string,
  bus: SystemBus,
): MenderDaemon | OurDaemon {
  const config = {
    DBus: { Enabled: true },
    UpdateControlMapExpirationTimeSeconds: lifeSeconds,
    ...(bootLifeSeconds !== undefined && {
      UpdateControlMapBootExpirationTimeSeconds: bootLifeSeconds,
    }),
  };
  if (client === "our daemon") {
    return new OurDaemon({ dir, serverUrl, busSocket: bus.socket, config });
  }
  const mender = prepareMender({
    dir,
    serverUrl,
    artifactName: "release-0",
    deviceType: DEVICE_TYPE,
    mac: "02:11:22:33:44:66",
    modules: { plain: moduleScript("No"), reboot: moduleScript("Yes") },
    config,
  });
  return new MenderDaemon(mender, { DBUS_SYSTEM_BUS_ADDRESS: bus.address });
}

function moduleScript(needsReboot: "No" | "Yes"): string {
  return `case "$1" in
  NeedsArtifactReboot) echo ${needsReboot} ;;
  SupportsRollback) echo Yes ;;
esac`;
}

/** The server puts the deployment's ID in. */
function serverPart(map: ControlMap): Record<string, unknown> {
  const { id: _id, ...rest } = controlMapJson(map);
  return rest;
}
