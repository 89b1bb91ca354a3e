import { type ChildProcess, spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { peer } from "./peers.ts";
import { waitUntil } from "./wait.ts";

/** The real bus program. */
export const busPeer = peer("dbus-daemon", "apt-get install dbus");

/** Rules of a bus, in the words of its configuration. */
export interface BusRules {
  /** `<policy>` elements beside the basic ones; absent: everything is allowed to everybody. */
  readonly policies?: string;
  /** Longest time that a call may wait for its answer. */
  readonly replyTimeoutMs?: number;
}

/** The basic rules of a system bus: nobody may own or call anything that is not allowed below. */
const SYSTEM_RULES = `<policy context="default">
  <allow user="*"/><deny own="*"/><deny send_type="method_call"/>
  <allow send_type="signal"/>
  <allow send_requested_reply="true" send_type="method_return"/>
  <allow send_requested_reply="true" send_type="error"/>
  <allow receive_type="method_call"/><allow receive_type="method_return"/>
  <allow receive_type="error"/><allow receive_type="signal"/>
  <allow send_destination="org.freedesktop.DBus"/>
</policy>`;

const OPEN_RULES = `<policy context="default">
  <allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
  <allow send_requested_reply="true" send_type="method_return"/>
  <allow send_requested_reply="true" send_type="error"/>
  <allow receive_type="method_call"/><allow receive_type="method_return"/>
  <allow receive_type="error"/><allow receive_type="signal"/>
</policy>`;

/** A system bus of its own: the real dbus-daemon at a socket in a private directory. */
export class SystemBus {
  /** For `DBUS_SYSTEM_BUS_ADDRESS`. */
  readonly address: string;
  /** The socket. */
  readonly socket: string;
  readonly #configPath: string;
  #daemon: ChildProcess | undefined;
  #closed: Promise<void> = Promise.resolve();

  constructor(dir: string, rules: BusRules = {}) {
    this.socket = join(dir, "bus.sock");
    this.address = `unix:path=${this.socket}`;
    this.#configPath = join(dir, "bus.conf");
    this.write(rules);
  }

  /** Writes the configuration; a bus that runs takes it at {@link reload}. */
  write({ policies, replyTimeoutMs }: BusRules): void {
    writeFileSync(
      this.#configPath,
      `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
<type>system</type><listen>${this.address}</listen><auth>EXTERNAL</auth>
${policies === undefined ? OPEN_RULES : SYSTEM_RULES}
${policies ?? ""}
${replyTimeoutMs === undefined ? "" : `<limit name="reply_timeout">${replyTimeoutMs}</limit>`}
</busconfig>
`,
    );
  }

  /** Starts the bus; settles once it can be used. */
  async start(): Promise<void> {
    rmSync(this.socket, { force: true });
    const daemon = spawn("dbus-daemon", [
      `--config-file=${this.#configPath}`,
      "--nofork",
      "--nopidfile",
      "--print-address=1",
    ], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [daemon.stdout, daemon.stderr]) {
      stream.on("data", (chunk) => output += String(chunk));
    }
    this.#daemon = daemon;
    this.#closed = new Promise((resolve) => daemon.once("close", () => resolve()));
    await waitUntil(`a bus at ${this.address} (${output})`, () => output.includes("unix:path="));
  }

  /** Has the bus read its configuration again. */
  reload(): void {
    this.#signal("SIGHUP");
  }

  /** Ends the bus: all connections are cut. */
  async stop(): Promise<void> {
    this.#signal("SIGKILL");
    this.#daemon = undefined;
    await this.#closed;
  }

  /** Stops (or lets go on) the bus without ending it: it answers nobody. */
  freeze(isFrozen: boolean): void {
    this.#signal(isFrozen ? "SIGSTOP" : "SIGCONT");
  }

  /** Not by the child's own kill(): on Deno (2.9.6) that works once only. */
  #signal(signal: NodeJS.Signals): void {
    if (this.#daemon !== undefined) process.kill(this.#daemon.pid!, signal);
  }
}

/** Runs a test body with a bus of its own. */
export async function withSystemBus<T>(
  dir: string,
  rules: BusRules,
  body: (bus: SystemBus) => Promise<T>,
): Promise<T> {
  const bus = new SystemBus(dir, rules);
  await bus.start();
  try {
    return await body(bus);
  } finally {
    await bus.stop();
  }
}
