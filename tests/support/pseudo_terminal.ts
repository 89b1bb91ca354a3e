import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import process from "node:process";
import { shellLine } from "../../lib/core/shell_words.ts";
import { peer } from "./peers.ts";
import { Screen } from "./screen.ts";
import { waitUntil } from "./wait.ts";

/** The programs that give a test a terminal. */
export const terminalPeer = peer("script", "apt-get install bsdutils");

const DEADLINE_MS = 30_000;

/** A program in a real pseudo-terminal: keys in, screen out. */
export class PseudoTerminal {
  readonly screen: Screen;
  /** Everything that was written, as it came. */
  output = "";
  /** Settles with the exit code. */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #device = "";
  #columns = 80;

  /** Starts a program; the screen has 80 columns and 24 rows. */
  constructor(command: readonly string[], env: NodeJS.ProcessEnv) {
    this.screen = new Screen(() => this.#columns);
    const line = shellLine(command);
    // The first line names the terminal, the second the process.
    this.#child = spawn("script", [
      "-qefc",
      `stty rows 24 cols 80; tty; echo $$; exec ${line}`,
      "/dev/null",
    ], { env, stdio: ["pipe", "pipe", "inherit"] });
    let first = "";
    this.#child.stdout?.on("data", (chunk) => {
      const text = String(chunk);
      this.output += text;
      if (this.#device !== "") return this.screen.write(text);
      first += text;
      const match = /^(\S+)\r?\n(\d+)\r?\n/.exec(first);
      if (match === null) return;
      this.#device = match[1] ?? "";
      this.pid = Number(match[2]);
      this.screen.write(first.slice(match[0].length));
    });
    this.ended = new Promise((resolve) => this.#child.once("close", (code) => resolve(code)));
  }

  /** Process ID of the program. */
  pid = 0;

  /** Presses keys. */
  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** Gives the terminal another size. */
  resize(columns: number, rows: number): void {
    this.#columns = columns;
    execFileSync("stty", ["-F", this.#device, "rows", String(rows), "cols", String(columns)]);
  }

  /** How the terminal treats keys: `icanon` and `echo` stand for the usual way. */
  modes(): string {
    return execFileSync("stty", ["-F", this.#device, "-a"], { encoding: "utf8" });
  }

  /** Waits until a line of the screen matches; gives the line. */
  async shows(what: RegExp): Promise<string> {
    try {
      return await waitUntil(
        `${what} on the screen`,
        () => this.screen.lines.find((line) => what.test(line)),
        DEADLINE_MS,
      );
    } catch (error) {
      throw new Error(
        `${error instanceof Error ? error.message : error}; screen:\n${
          this.screen.lines.join("\n")
        }`,
      );
    }
  }

  /** Ends the program if it still runs. */
  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.pid > 0) {
      try {
        process.kill(this.pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
    this.#child.stdin?.end();
    await this.ended;
  }
}
