import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { REPOSITORY } from "./repository_text.ts";

const { self } = await hostDrivers();

/** How a command ended. */
export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The command as somebody has it who installed the project: on Deno by `scripts/mender-deno`, with the rights
 * of each line and no others; on Node as npm runs it.
 */
export function installedCommand(...args: readonly string[]): string[] {
  if ("Deno" in globalThis) return [join(REPOSITORY, "scripts/mender-deno"), ...args];
  return [...self.selfCommand(new URL("../../cli/main.ts", import.meta.url), []), ...args];
}

/** Runs it to its end, which comes within a minute. */
export function runInstalled(
  args: readonly string[],
  options: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<CommandEnd> {
  const [program = "", ...rest] = installedCommand(...args);
  const child: ChildProcess = spawn(program, rest, {
    stdio: "pipe",
    ...(options.env && { env: options.env }),
  });
  const parts = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => parts.stdout += String(chunk));
  child.stderr?.on("data", (chunk) => parts.stderr += String(chunk));
  child.stdin?.on("error", () => {}); // it may have ended without reading
  child.stdin?.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => child.kill("SIGKILL"), 60_000);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(limit);
      resolve({ code, ...parts });
    });
  });
}
