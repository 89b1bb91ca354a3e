import type { ProcessStarter } from "./process_starter.ts";

/**
 * Processes by `Deno.Command`: unlike `node:child_process` it passes the whole environment on to the
 * child even when this program itself may read none of it.
 */
export const denoStarter: ProcessStarter = {
  spawn(command, args, env) {
    const child = new Deno.Command(command, {
      args: [...args],
      env: { ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let isInputOpen = true;
    return {
      pid: child.pid,
      stdout: child.stdout,
      stderr: child.stderr,
      ended: child.status.then(({ code, signal }) => ({
        code: signal === null ? code : undefined,
        signal: signal ?? undefined,
      })),
      closeInput() {
        if (!isInputOpen) return;
        isInputOpen = false;
        child.stdin.close().catch(() => {}); // the program may have gone already: then it is closed
      },
      kill(signal) {
        try {
          child.kill(signal as Deno.Signal);
        } catch (error) {
          if (!(error instanceof TypeError)) throw error; // TypeError: it ended by itself
        }
      },
    };
  },
  spawnDetached(command, args) {
    const child = new Deno.Command(command, {
      args: [...args],
      detached: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    child.unref();
    return child.pid;
  },
};
