import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { type Paths, wellKnownPaths } from "../../lib/config/mod.ts";
import { errnoOf } from "../../lib/runtime/files/file_driver.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { programModules } from "../../lib/runtime/project_directory.ts";
import { writeArtifact } from "../../lib/testing/artifact_writer.ts";
import { inTemporaryDirectory } from "./temporary.ts";

const { self } = await hostDrivers();

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess;
  /** How it ended; rejects, with what it wrote, when it is not done within its limit. */
  readonly ended: Promise<Ended>;
  /** Everything that it wrote so far. */
  output(): string;
  /** Sends it a signal. */
  kill(signal: NodeJS.Signals): void;
}

/** What a rig's device is made of; every part has a default that works. */
export interface RigOptions {
  readonly serverUrl: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly artifactName?: string;
  /** Shell lines of the identity script. */
  readonly identity?: string;
  /** Inventory scripts: name and shell lines. */
  readonly inventory?: Readonly<Record<string, string>>;
  /** Shell lines of the sub-updater; `undefined`: one that only notes its argument; null: none. */
  readonly install?: string | null;
  /** Further addresses that the client may talk to. */
  readonly net?: readonly string[];
  /** Further paths that the client may read. */
  readonly read?: readonly string[];
  /** Further variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds that a command may take; 60 s when absent. */
  readonly limitMs?: number;
  /** Further flags of Deno. */
  readonly flags?: readonly string[];
  /** Whether commands have all rights, in the place of their permission set. */
  readonly hasAllRights?: boolean;
  /** Socket of a bus in the place of the system's. */
  readonly busSocket?: string;
  /** Main module of the program that runs, when it is a copy within the root. */
  readonly main?: URL;
}

/** Milliseconds that a command of a test may take; then it is killed, and the test fails. */
const LIMIT_MS = 60_000;

/** Type of every rig's device. */
export const RIG_DEVICE_TYPE = "acme-box";

/**
 * A device in a directory, on which the real command line runs as a process of its own: on Deno under
 * the permission set of the command, never under -A.
 */
export class ClientRig {
  readonly root: string;
  readonly paths: Paths;
  readonly #net: readonly string[];
  readonly #read: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #limitMs: number;
  readonly #flags: readonly string[];
  readonly #busSocket: string | undefined;
  readonly #hasAllRights: boolean;
  readonly #main: URL;
  readonly #running = new Map<ChildProcess, Promise<void>>();

  constructor(root: string, options: RigOptions) {
    this.root = root;
    this.paths = wellKnownPaths({ root });
    this.#read = [root, ...options.read ?? []];
    const { busSocket, hasAllRights = false } = options;
    this.#hasAllRights = hasAllRights;
    this.#main = options.main ?? new URL("../../cli/main.ts", import.meta.url);
    this.#env = {
      ...busSocket !== undefined && { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${busSocket}` },
      ...options.env,
    };
    this.#busSocket = busSocket;
    this.#limitMs = options.limitMs ?? LIMIT_MS;
    this.#flags = options.flags ?? [];
    this.#net = [options.serverUrl, ...options.net ?? []].map((url) => new URL(url).host);
    this.write(
      this.paths.mainConfig,
      JSON.stringify({
        ServerURL: options.serverUrl,
        UpdatePollIntervalSeconds: 1,
        InventoryPollIntervalSeconds: 30,
        RetryPollIntervalSeconds: 1,
        FirstContactSpreadSeconds: 0,
        // The bus of the machine is none of a test's business.
        DBus: { Enabled: busSocket !== undefined },
        ...options.config,
      }),
    );
    this.write(this.paths.artifactInfo, `artifact_name=${options.artifactName ?? "release-1"}\n`);
    this.write(this.paths.deviceType, `device_type=${RIG_DEVICE_TYPE}\n`);
    this.script(this.paths.identityScript, options.identity ?? "echo mac=02:11:22:33:44:55");
    for (const [name, lines] of Object.entries(options.inventory ?? {})) {
      this.script(join(this.paths.inventoryDirectory, name), lines);
    }
    const note = `echo "$1" >> ${join(root, "installed")}`;
    if (options.install !== null) this.script(this.paths.installScript, options.install ?? note);
    mkdirSync(this.paths.dataDirectory, { recursive: true, mode: 0o700 });
    chmodSync(this.paths.dataDirectory, 0o700);
  }

  /** Command and arguments of one of our commands on this device. */
  command(...args: readonly string[]): [program: string, ...args: string[]] {
    const set = ["report", "terminal"].find((name) => args.includes(name)) ?? "daemon";
    const data = args[args.indexOf("--data") + 1];
    const bus = this.#busSocket === undefined ? [] : [this.#busSocket];
    const { controlSocket } = args.includes("--data") && data !== undefined
      ? wellKnownPaths({ data })
      : this.paths;
    const [program = "", ...first] = self.selfCommand(
      this.#main,
      this.#hasAllRights ? ["--allow-all"] : [
        `--permission-set=${set}`,
        "--no-prompt",
        // A terminal may read and write everywhere, as the addon does.
        ...set === "terminal" ? [] : [
          `--allow-read=${[...this.#read, ...bus, ...programModules()].join(",")}`,
          `--allow-write=${[this.root, ...bus].join(",")}`,
        ],
        `--allow-net=${
          [
            ...this.#net,
            ...[join(this.paths.dataDirectory, "terminal.sock"), controlSocket, ...bus]
              .map((path) => `unix:${path}`),
          ].join(",")
        }`,
        ...this.#flags,
      ],
    );
    return [program, ...first, "--root", this.root, ...args];
  }

  /** Starts a command. */
  start(...args: readonly string[]): Running {
    const [program, ...rest] = this.command(...args);
    const child = spawn(program, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...plainEnvironment(), ...this.#env },
    });
    const parts = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => parts.stdout += String(chunk));
    child.stderr.on("data", (chunk) => parts.stderr += String(chunk));
    const ended = new Promise<Ended>((resolve, reject) => {
      const limit = setTimeout(() => {
        child.kill("SIGKILL");
        const { stdout, stderr } = parts;
        const what = `mender-deno ${args.join(" ")} took longer than ${this.#limitMs / 1000} s`;
        reject(new Error(`${what}, and wrote:\n${stdout}${stderr}`));
      }, this.#limitMs);
      child.on("error", (error) => {
        clearTimeout(limit);
        reject(error);
      });
      child.on("close", (code, signal) => {
        clearTimeout(limit);
        resolve({ code, signal, ...parts });
      });
    });
    ended.catch(() => {}); // a test that failed before does not look at it any more
    const closed = new Promise<void>((resolve) => {
      for (const end of ["close", "error"]) {
        child.on(end, () => {
          this.#running.delete(child);
          resolve();
        });
      }
    });
    this.#running.set(child, closed);
    return {
      child,
      ended,
      output: () => parts.stdout + parts.stderr,
      // Not child.kill(): on Deno (2.9.6) it makes the exit look like a death by that signal.
      kill: (signal) => void process.kill(child.pid!, signal),
    };
  }

  /** Runs a command to its end. */
  run(...args: readonly string[]): Promise<Ended> {
    return this.start(...args).ended;
  }

  /** Ends what still runs, and waits until it is gone. */
  async stop(): Promise<void> {
    for (const child of this.#running.keys()) child.kill("SIGKILL");
    await Promise.all(this.#running.values());
  }

  /** The lines that the default sub-updater noted: the paths that it was called with. */
  installed(): string[] {
    return this.read(join(this.root, "installed")).split("\n").filter((line) => line !== "");
  }

  /** Content of a file; empty when there is none. */
  read(path: string): string {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return "";
      throw error;
    }
  }

  /** The deployment record. */
  // deno-lint-ignore no-explicit-any
  record(): any {
    const text = this.read(this.paths.record);
    return text === "" ? undefined : JSON.parse(text);
  }

  write(path: string, content: string | Uint8Array, mode = 0o644): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, mode);
  }

  remove(path: string): void {
    rmSync(path, { force: true });
  }

  script(path: string, lines: string): void {
    this.write(path, `#!/bin/sh\n${lines}\n`, 0o755);
  }
}

/** Runs a test body with a device; what it left running is ended. */
export function withRig<T>(
  options: RigOptions,
  body: (rig: ClientRig) => Promise<T>,
): Promise<T> {
  return inTemporaryDirectory(async (root) => {
    const rig = new ClientRig(root, options);
    try {
      return await body(rig);
    } finally {
      await rig.stop();
    }
  });
}

/** An Artifact for the rig's device type. */
export function rigArtifact(name: string, sizeBytes = 300_000): Uint8Array {
  return writeArtifact({
    name,
    deviceTypes: [RIG_DEVICE_TYPE],
    payloadType: "acme",
    files: [{ name: "payload.bin", content: { sizeBytes, seed: 3 } }],
    compression: "gz",
  });
}

/** Our environment without what points a client at the certificates of this machine. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { SSL_CERT_FILE: _file, SSL_CERT_DIR: _directory, ...rest } = process.env;
  return rest;
}
