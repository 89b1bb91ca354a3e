import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { nativePty } from "../../lib/runtime/pty/native_pty.ts";
import type { PtyProcess } from "../../lib/runtime/pty/pty_driver.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { waitUntil } from "./wait.ts";

/** How a program ended. */
export interface CliEnd {
  readonly code: number | null;
  readonly output: string;
}

/** mender-cli in a terminal, as a person has it. */
export interface CliTerminal {
  readonly pty: PtyProcess;
  /** Everything on the screen so far. */
  text(): string;
  /** The last so many bytes of it. */
  tail(bytes: number): string;
  type(text: string | Uint8Array): void;
  seen(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
}

/** The real mender-cli with a home of its own, logged in at a server. */
export class MenderCli {
  readonly home: string;
  readonly #server: MenderServer;
  readonly #env: Record<string, string>;
  readonly #running = new Set<ChildProcess>();

  private constructor(server: MenderServer, home: string) {
    this.home = home;
    this.#server = server;
    this.#env = { HOME: home, XDG_CACHE_HOME: join(home, "cache"), PATH: process.env.PATH ?? "" };
    if (server.caCertificate !== undefined) {
      this.#env.SSL_CERT_FILE = join(home, "server.pem");
      writeFileSync(this.#env.SSL_CERT_FILE, server.caCertificate);
    }
  }

  static async login(server: MenderServer, home: string): Promise<MenderCli> {
    const cli = new MenderCli(server, home);
    const end = await cli.run("login", "--username", server.user, "--password", server.password);
    if (end.code !== 0) throw new Error(`Cannot log in: ${end.output}`);
    return cli;
  }

  /** Runs a command to its end. */
  run(...args: string[]): Promise<CliEnd> {
    return this.start(...args).ended;
  }

  /** Starts a command. */
  start(...args: string[]): { child: ChildProcess; ended: Promise<CliEnd>; output(): string } {
    const child = spawn("mender-cli", ["--server", this.#server.url, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: this.#env,
    });
    this.#running.add(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => output += String(chunk));
    }
    const ended = new Promise<CliEnd>((resolve, reject) => {
      const killer = setTimeout(() => child.kill("SIGKILL"), 100_000);
      child.once("error", reject);
      child.once("close", (code) => {
        clearTimeout(killer);
        this.#running.delete(child);
        resolve({ code, output });
      });
    });
    return { child, ended, output: () => output };
  }

  /** Starts a command in a real pseudo-terminal; `afterwards` is run by a shell behind it. */
  async inTerminal(
    args: readonly string[],
    size = { columns: 90, rows: 30 },
    afterwards = "",
  ): Promise<CliTerminal> {
    const driver = await nativePty();
    if (driver === undefined) throw new Error("there is no native terminal");
    const chunks: Uint8Array[] = [];
    const pty = await driver.start({
      command: [
        ...afterwards === "" ? ["/usr/bin/env"] : ["/bin/sh", "-c", `"$@"; ${afterwards}`, "sh"],
        "mender-cli",
        "--server",
        this.#server.url,
        ...args,
      ],
      directory: this.home,
      env: { ...this.#env, TERM: "xterm" },
      ...size,
      onOutput: (bytes) => chunks.push(bytes),
    });
    const text = (): string => new TextDecoder().decode(joined(chunks));
    return {
      pty,
      text,
      tail(bytes) {
        let from = chunks.length;
        for (let size = 0; from > 0 && size < bytes; from--) size += chunks[from - 1]!.length;
        return new TextDecoder().decode(joined(chunks.slice(from)));
      },
      type: (input) =>
        pty.write(typeof input === "string" ? new TextEncoder().encode(input) : input),
      seen: (pattern, timeoutMs = 30_000) =>
        waitUntil(
          String(pattern),
          () => pattern.exec(text()),
          timeoutMs,
        ).catch((error) => {
          throw new Error(`${error.message}; the screen: ${JSON.stringify(text().slice(-600))}`);
        }),
    };
  }

  /** Ends what still runs. */
  async stop(): Promise<void> {
    const ends = [...this.#running].map((child) =>
      new Promise<void>((resolve) => child.once("close", () => resolve()))
    );
    for (const child of this.#running) child.kill("SIGKILL");
    await Promise.all(ends);
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  chunks.reduce((at, chunk) => (whole.set(chunk, at), at + chunk.length), 0);
  return whole;
}
