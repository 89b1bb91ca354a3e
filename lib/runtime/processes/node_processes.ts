import { spawn } from "node:child_process";
import process from "node:process";
import { Readable } from "node:stream";
import type { ProcessStarter } from "./process_starter.ts";

/** Processes by `node:child_process`. */
export const nodeStarter: ProcessStarter = {
  spawn(command, args, env) {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: "pipe" });
    child.stdin.on("error", () => {}); // EPIPE when the program is gone: nothing is ever written to it
    return {
      pid: child.pid ?? -1,
      stdout: Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
      stderr: Readable.toWeb(child.stderr) as ReadableStream<Uint8Array>,
      ended: new Promise((resolve, reject) => {
        child.on("error", reject);
        child.on("exit", (code, signal) => {
          resolve({ code: code ?? undefined, signal: signal ?? undefined });
        });
      }),
      closeInput: () => {
        child.stdin.end();
      },
      kill: (signal) => {
        child.kill(signal as NodeJS.Signals);
      },
    };
  },
  spawnDetached(command, args) {
    const child = spawn(command, args, { detached: true, stdio: "ignore" });
    child.on("error", () => {}); // told by the missing process ID
    child.unref();
    if (child.pid === undefined) {
      throw Object.assign(new Error(`spawn ${command} failed`), { code: "ENOENT", path: command });
    }
    return child.pid;
  },
};
