import { spawn } from "node:child_process";
import process from "node:process";

/** How a program is run. */
export interface RunProgramOptions {
  /** Keeps its output to itself and returns it. */
  isQuiet?: boolean;
  /** Variables beside ours. */
  env?: Readonly<Record<string, string>>;
  /** Directory that it runs in. */
  cwd?: string;
  /** Milliseconds that it may take; one that takes longer is killed, with all that it started. */
  limitMs?: number;
}

/** Exit code of a program that took too long, as timeout(1) has it. */
const TOO_LONG = 124;

/** Runs a program with our standard streams; its output is returned too when `isQuiet` is set. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: RunProgramOptions = {},
): Promise<{ code: number; output: string }> {
  const { isQuiet = false, limitMs } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["ignore", isQuiet ? "pipe" : "inherit", isQuiet ? "pipe" : "inherit"],
      env: { ...process.env, ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      // A group of its own: what is killed for taking too long leaves no children behind.
      detached: limitMs !== undefined,
    });
    let output = "";
    let isLate = false;
    const limit = limitMs === undefined ? undefined : setTimeout(() => {
      isLate = true;
      const text = `${command} took longer than ${limitMs / 1000} s and was ended`;
      if (isQuiet) output += `${text}\n`;
      else console.log(text);
      endGroup(child.pid);
    }, limitMs);
    // When we are ended it must go as well: it is no longer in the group of our terminal.
    const leave = (): void => {
      endGroup(child.pid);
      process.exit(130);
    };
    const signals = limitMs === undefined ? [] : ["SIGINT", "SIGTERM"] as const;
    for (const signal of signals) process.on(signal, leave);
    const settle = (): void => {
      clearTimeout(limit);
      for (const signal of signals) process.off(signal, leave);
    };
    child.stdout?.on("data", (chunk) => output += String(chunk));
    child.stderr?.on("data", (chunk) => output += String(chunk));
    child.on("error", (error) => {
      settle();
      reject(error);
    });
    child.on("close", (code) => {
      settle();
      resolve({ code: isLate ? TOO_LONG : code ?? 1, output });
    });
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // it ended by itself at this very moment
  }
}
