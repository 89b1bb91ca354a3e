import { spawn } from "node:child_process";
import process from "node:process";
import { Readable } from "node:stream";
import type { ProcessStarter } from "./process_starter.ts";
import type { SpawnedProgram } from "./spawned_program.ts";

type SpawnedEnd = Awaited<SpawnedProgram["ended"]>;

/** Processes by `node:child_process`. */
export const nodeStarter: ProcessStarter = {
  spawn(command, args, env) {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: "pipe" });
    const ended = new Promise<SpawnedEnd>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        resolve({ code: code ?? undefined, signal: signal ?? undefined });
      });
    });
    // Without a descriptor left (EMFILE) there are no streams, whatever the types say.
    const { stdin, stdout, stderr } = child as Partial<typeof child>;
    if (!stdin || !stdout || !stderr) {
      ended.catch(() => {}); // what it says comes too late for whoever asked
      throw Object.assign(
        new Error(`Cannot start ${command}: there are no pipes for it (EMFILE)`),
        {
          code: "EMFILE",
          path: command,
        },
      );
    }
    stdin.on("error", () => {}); // EPIPE when the program is gone: nothing is ever written to it
    return {
      pid: child.pid ?? -1,
      stdout: Readable.toWeb(stdout) as ReadableStream<Uint8Array>,
      stderr: Readable.toWeb(stderr) as ReadableStream<Uint8Array>,
      ended,
      closeInput: () => {
        stdin.end();
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
