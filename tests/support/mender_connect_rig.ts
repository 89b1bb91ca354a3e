import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { MenderDaemon, menderPeer, type MenderRig, prepareMender } from "./mender_namespace.ts";
import { type Peer, peer } from "./peers.ts";
import { waitUntil } from "./wait.ts";

/** The real remote terminal with all that it stands on, or why it cannot be had. */
export function menderConnectPeer(): Peer {
  const needed = [
    menderPeer(),
    peer("mender-connect", "apt-get install mender-connect"),
    peer("dbus-daemon", "apt-get install dbus-daemon"),
  ];
  return needed.find(({ skip }) => skip !== undefined) ?? {};
}

/** A bus that lets everybody do everything; it takes the place of the system bus. */
const BUS_CONFIG = (socket: string): string =>
  `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=${socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>`;

/** A device with the real programs. */
export interface MenderConnectRig {
  /** ID of the device at the server. */
  readonly deviceId: string;
  /** The process of mender-connect. */
  readonly process: ChildProcess;
}

/**
 * Runs the real mender 3.4 (as token provider), mender-connect and a private dbus-daemon against a
 * server, while `body` runs. What they said is told when it fails.
 *
 * @param config Keys of mender-connect.conf.
 */
export async function withMenderConnect<T>(
  dir: string,
  server: MenderServer,
  config: Readonly<Record<string, unknown>>,
  body: (rig: MenderConnectRig) => Promise<T>,
): Promise<T> {
  mkdirSync(dir, { recursive: true });
  const socket = join(dir, "bus");
  const address = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${socket}` };
  const env = { ...process.env, ...address };
  const output: string[] = [];
  let mender: MenderDaemon | undefined;
  const started: { child: ChildProcess; closed: Promise<void> }[] = [];
  const start = (program: string, ...args: string[]): ChildProcess => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => output.push(String(chunk)));
    }
    started.push({ child, closed: new Promise((resolve) => child.once("close", () => resolve())) });
    return child;
  };
  try {
    writeFileSync(join(dir, "bus.conf"), BUS_CONFIG(socket));
    start("dbus-daemon", "--nofork", `--config-file=${join(dir, "bus.conf")}`);
    await waitUntil("the bus", () => existsSync(socket), 20_000);
    const known = new Set(server.devices().map(({ id }) => id));
    mender = new MenderDaemon(prepareTokenProvider(join(dir, "mender"), server), address);
    mender.start();
    const connectConfig = join(dir, "mender-connect.conf");
    writeFileSync(connectConfig, JSON.stringify({ User: "root", ...config }));
    const connect = start(
      "mender-connect",
      "--config",
      connectConfig,
      "--fallback-config",
      "NONE",
      "daemon",
    );
    const isNew = ({ id }: { id: string }): boolean => !known.has(id);
    const device = await waitUntil("mender's device", () => server.devices().find(isNew), 30_000);
    server.acceptDevice(device.id);
    await waitUntil("mender-connect", () => server.isConnected(device.id), 60_000);
    return await body({ deviceId: device.id, process: connect });
  } catch (error) {
    const said = output.join("").slice(-6000);
    const blamed = mender?.blamed(error) ?? error;
    throw new Error(`${blamed}\nthe other peers said:\n${said}`, { cause: error });
  } finally {
    await mender?.stop();
    for (const { child } of started.reverse()) child.kill("SIGTERM");
    const killer = setTimeout(() => started.forEach(({ child }) => child.kill("SIGKILL")), 8000);
    await Promise.all(started.map(({ closed }) => closed));
    clearTimeout(killer);
  }
}

/** Lays out the real mender, which authenticates for remote access and offers its token on the bus. */
export function prepareTokenProvider(dir: string, server: MenderServer): MenderRig {
  mkdirSync(dir, { recursive: true });
  return prepareMender({
    dir,
    serverUrl: server.url,
    caCertificate: server.caCertificate,
    artifactName: "release-1",
    deviceType: "acme-box",
    mac: "02:aa:bb:cc:dd:ee",
    modules: {},
    config: { DBus: { Enabled: true }, UpdatePollIntervalSeconds: 5 },
  });
}
