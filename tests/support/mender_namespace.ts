import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type Peer, peer } from "./peers.ts";
import { test } from "./test.ts";

/**
 * Shows a program other files at the paths that the Mender client has built in. The mounts live in a
 * namespace of its own and end with it; nothing outside sees them.
 */
const ENTER = `set -e
mount --bind "$1/etc" /etc/mender
mount --bind "$1/identity" /usr/share/mender/identity
mount --bind "$1/inventory" /usr/share/mender/inventory
mount --bind "$1/modules" /usr/share/mender/modules/v3
shift
exec "$@"`;

const UNSHARE = ["--mount", "--propagation", "private"];

/** What the client finds on its device. */
export interface MenderDevice {
  /** Directory of the rig; must exist and be empty. */
  readonly dir: string;
  /** `ServerURL`; absent for standalone installation. */
  readonly serverUrl?: string;
  /** Certificate for `ServerCertificate`, PEM. */
  readonly caCertificate?: string | undefined;
  /** Content of `/etc/mender/artifact_info`. */
  readonly artifactName: string;
  /** Content of the device type file. */
  readonly deviceType: string;
  /** MAC address that the identity script prints. */
  readonly mac: string;
  /** Update Modules: name and shell script without its first line. */
  readonly modules: Readonly<Record<string, string>>;
  /** Further keys of mender.conf. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Whether the client makes its key by itself, which takes it a second; it finds one otherwise. */
  readonly makesKey?: boolean;
}

/** The paths of a prepared rig, and the command line that enters it. */
export interface MenderRig {
  /** The client's configuration. */
  readonly configPath: string;
  /** The client's data directory. */
  readonly dataPath: string;
  /** Program and arguments that run `mender` with `args` inside the rig. */
  command(...args: string[]): [program: string, ...args: string[]];
}

/** The real client, and whether this machine lets us give it a namespace. */
export function menderPeer(): Peer {
  const found = peer("mender", "apt-get install mender-client");
  if (found.skip !== undefined) return found;
  const { status, stderr } = spawnSync("unshare", [...unshareFlags(), "true"], {
    encoding: "utf8",
  });
  if (status === 0) return {};
  const reason = `no mount namespace to be had: ${stderr ?? "unshare is missing"}`.trim();
  if (process.env.MENDER_DENO_REQUIRE_PEERS === "1") {
    test("peer mender can be given a namespace", () => {
      throw new Error(reason);
    });
  }
  return { skip: reason };
}

/** Lays out the files of a device for the real Mender client 3.x. */
export function prepareMender(device: MenderDevice): MenderRig {
  const { dir } = device;
  const folder = (name: string): string => {
    mkdirSync(join(dir, name), { recursive: true });
    return join(dir, name);
  };
  const file = (path: string, content: string, mode = 0o644): string => {
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };
  const script = (path: string, body: string): string => file(path, `#!/bin/sh\n${body}\n`, 0o755);
  const [etc, data] = [folder("etc"), folder("data")];
  folder("inventory");
  file(join(etc, "artifact_info"), `artifact_name=${device.artifactName}\n`);
  script(join(folder("identity"), "mender-device-identity"), `echo mac=${device.mac}`);
  for (const [name, body] of Object.entries(device.modules)) {
    script(join(folder("modules"), name), body);
  }
  folder("modules");
  if (!device.makesKey) file(join(data, "mender-agent.pem"), deviceKey(), 0o600);
  const configPath = file(
    join(dir, "mender.conf"),
    JSON.stringify({
      ...(device.serverUrl !== undefined && { ServerURL: device.serverUrl }),
      ...(device.caCertificate !== undefined && {
        ServerCertificate: file(join(dir, "ca.pem"), device.caCertificate),
      }),
      DeviceTypeFile: file(join(dir, "device_type"), `device_type=${device.deviceType}\n`),
      UpdatePollIntervalSeconds: 1,
      InventoryPollIntervalSeconds: 2,
      RetryPollIntervalSeconds: 1,
      DBus: { Enabled: false },
      ...device.config,
    }),
  );
  return {
    configPath,
    dataPath: data,
    command: (...args) => [
      "unshare",
      ...unshareFlags(),
      "sh",
      "-c",
      ENTER,
      "enter",
      dir,
      "mender",
      "--config",
      configPath,
      "--fallback-config",
      "NONE",
      "--data",
      data,
      "--no-syslog",
      ...args,
    ],
  };
}

/**
 * Runs the daemon of a rig while `body` runs, which gets its process ID. When the body fails, what the
 * daemon said is told.
 */
export async function withMenderDaemon<T>(
  rig: MenderRig,
  body: (pid: number) => Promise<T>,
): Promise<T> {
  const daemon = new MenderDaemon(rig);
  daemon.start();
  try {
    return await body(daemon.pid);
  } catch (error) {
    throw daemon.blamed(error);
  } finally {
    await daemon.stop();
  }
}

/** How often the daemon of a rig is started again when it ended by itself. */
const RESTARTS = 2;

/**
 * The daemon of a rig, which can be started and stopped again. One that ends by itself is started
 * again, as a supervisor does: mender 3.4.0 crashed once while it made its key on a busy machine.
 */
export class MenderDaemon {
  readonly #rig: MenderRig;
  readonly #env: Readonly<Record<string, string>>;
  readonly #output: string[] = [];
  #child: ChildProcess | undefined;
  #closed: Promise<void> = Promise.resolve();
  #restarts = 0;

  /** Nothing runs yet; `env` is added to our environment. */
  constructor(rig: MenderRig, env: Readonly<Record<string, string>> = {}) {
    this.#rig = rig;
    this.#env = env;
  }

  /** Starts it. */
  start(): void {
    const [program, ...args] = this.#rig.command("daemon");
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...this.#env },
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => this.#output.push(String(chunk)));
    }
    this.#child = child;
    this.#closed = new Promise((resolve) =>
      child.once("close", (code, signal) => {
        resolve();
        if (this.#child !== child) return;
        this.#output.push(`\n[it ended by itself: ${signal ?? code}]\n`);
        if (this.#restarts++ < RESTARTS) this.start();
      })
    );
  }

  /** Its process ID; 0 while it does not run. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Everything that it wrote so far. */
  get output(): string {
    return this.#output.join("");
  }

  /** An error of a test, with what the daemon said: the beginning, where a crash is named, and the end. */
  blamed(error: unknown): Error {
    const all = this.output;
    const said = all.length <= 10_000 ? all : `${all.slice(0, 4000)}\n[…]\n${all.slice(-6000)}`;
    return new Error(`${error instanceof Error ? error.message : error}\nmender said:\n${said}`, {
      cause: error,
    });
  }

  /** Ends it; SIGKILL gives it no time to tidy up. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    child.kill(signal);
    const killer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await this.#closed;
    clearTimeout(killer);
  }
}

let madeKey: string | undefined;

/** The key of all devices with the real client in this process. */
function deviceKey(): string {
  madeKey ??= generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey
    .export({ type: "pkcs1", format: "pem" }) as string;
  return madeKey;
}

function unshareFlags(): string[] {
  return process.getuid?.() === 0 ? UNSHARE : ["--map-root-user", ...UNSHARE];
}
