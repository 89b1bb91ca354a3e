import { spawn } from "node:child_process";
import process from "node:process";

/** Runs a program with our standard streams; its output is returned too when `isQuiet` is set. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: { isQuiet?: boolean; env?: Readonly<Record<string, string>>; cwd?: string } = {},
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["ignore", options.isQuiet ? "pipe" : "inherit", options.isQuiet ? "pipe" : "inherit"],
      env: { ...process.env, ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    let output = "";
    child.stdout?.on("data", (chunk) => output += String(chunk));
    child.stderr?.on("data", (chunk) => output += String(chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
