import { quoted } from "../../core/shell_words.ts";
import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { RuntimeError } from "../../core/errors.ts";
import type { Clock } from "../clock.ts";
import type { ProcessDriver } from "../processes/process_driver.ts";
import { serviceScript } from "../processes/service_script.ts";
import type { PtyDriver, PtyOptions, PtyProcess } from "./pty_driver.ts";

/** The first lines of the terminal: its path, and the ID of the process that becomes the program. */
const HEAD = /^(\/dev\/[^\r\n]+)\r?\n(\d+)\r?\n/;
const MAX_HEAD_BYTES = 4096;

/** How long the first lines may take, and `stty`. */
const START_LIMIT_MS = 10_000;

/** Pseudo-terminals by the program `script` of util-linux, without native code; sizes by `stty`. */
export function scriptPty(processes: ProcessDriver, clock: Clock): PtyDriver {
  return {
    kind: "script",
    async start(options) {
      const child = spawn(serviceScript("pty.sh"), [commandLine(options)], {
        stdio: "pipe",
        env: {},
      });
      const terminal = new ScriptTerminal(child, options, processes);
      const cancel = clock.after(START_LIMIT_MS, () => terminal.hangUp());
      try {
        await terminal.started;
        setTimeout(() => terminal.flow(), 0); // once whoever asked for it has it
        return terminal;
      } finally {
        cancel();
      }
    },
  };
}

/** What the shell of `script` runs: tells where it is, sets the stage, and becomes the program. */
function commandLine({ command, directory, env, columns, rows }: PtyOptions): string {
  const variables = Object.entries(env).map(([name, value]) => quoted(`${name}=${value}`));
  return [
    "tty",
    "echo $$",
    `stty rows ${rows} cols ${columns}`,
    `cd ${quoted(directory)}`,
    `exec env -i ${[...variables, ...command.map(quoted)].join(" ")}`,
  ].join("; ");
}

class ScriptTerminal implements PtyProcess {
  readonly started: Promise<void>;
  readonly ended: Promise<void>;
  pid = 0;
  readonly #child: ChildProcess;
  readonly #processes: ProcessDriver;
  readonly #drains: { readonly limit: number; readonly resolve: () => void }[] = [];
  #path: string | undefined;
  #queuedBytes = 0;
  #isEnded = false;
  #isPaused = false;
  #resizing: Promise<void> = Promise.resolve();

  constructor(child: ChildProcess, options: PtyOptions, processes: ProcessDriver) {
    this.#child = child;
    this.#processes = processes;
    child.stdin?.on("error", () => {}); // EPIPE: the terminal is closed, which its output tells
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#isEnded = true;
        this.#release();
        resolve();
      };
      child.once("close", end);
      child.once("error", end);
    });
    let complaint = "";
    child.stderr?.on("data", (chunk) => complaint = (complaint + String(chunk)).slice(-500));
    this.started = new Promise((resolve, reject) => {
      let held = Buffer.alloc(0);
      child.stdout?.on("data", (chunk: Buffer) => {
        if (this.#path !== undefined) return options.onOutput(Uint8Array.from(chunk));
        held = Buffer.concat([held, chunk]);
        const head = HEAD.exec(held.toString("latin1", 0, MAX_HEAD_BYTES));
        if (head === null) {
          if (held.length > MAX_HEAD_BYTES) this.hangUp();
          return;
        }
        [, this.#path] = head;
        this.pid = Number(head[2]);
        child.stdout?.pause();
        child.stdout?.unshift(held.subarray(head[0].length));
        resolve();
      });
      child.once("error", (cause) => reject(noTerminal("", cause)));
      this.ended.then(() => reject(noTerminal(complaint.trim())));
    });
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#isEnded || bytes.length === 0) return;
    this.#queuedBytes += bytes.length;
    this.#child.stdin?.write(bytes, () => {
      this.#queuedBytes -= bytes.length;
      this.#release();
    });
  }

  drained(limit: number): Promise<void> {
    if (this.#queuedBytes <= limit || this.#isEnded) return Promise.resolve();
    return new Promise((resolve) => this.#drains.push({ limit, resolve }));
  }

  pause(): void {
    this.#isPaused = true;
    this.#child.stdout?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#child.stdout?.resume();
  }

  /** Lets the output go that came right after the first lines. */
  flow(): void {
    if (!this.#isPaused) this.#child.stdout?.resume();
  }

  /** One after the other, so that the last size is the one that stays. */
  resize(columns: number, rows: number): void {
    this.#resizing = this.#resizing.then(async () => {
      if (this.#isEnded || this.#path === undefined) return;
      await this.#processes.run({
        command: "/usr/bin/env",
        args: ["stty", "-F", this.#path, "rows", `${rows}`, "cols", `${columns}`],
        timeoutMs: START_LIMIT_MS,
        maxOutputBytes: 1000,
      });
    }).catch(() => {}); // a terminal that ended meanwhile has no size
  }

  /** `script` holds the terminal: with it, the terminal goes. */
  hangUp(): void {
    this.#child.kill("SIGKILL");
    this.#child.stdout?.resume(); // what was held back must not keep the end from being told
  }

  #release(): void {
    for (const drain of this.#drains.splice(0)) {
      if (this.#isEnded || this.#queuedBytes <= drain.limit) drain.resolve();
      else this.#drains.push(drain);
    }
  }
}

function noTerminal(complaint: string, cause?: unknown): RuntimeError {
  const why = complaint === "" ? "the program script gives none" : complaint;
  return new RuntimeError("runtime.no-terminal", `Cannot make a terminal: ${why}`, {
    cause,
    hint: "Install script and stty (util-linux, coreutils), or the npm package @lydell/node-pty",
  });
}
