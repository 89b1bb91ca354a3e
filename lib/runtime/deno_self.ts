import { basename } from "../core/posix_path.ts";
import type { SelfDriver, SignalDriver } from "./drivers.ts";
import { filePathOf } from "./file_path_of.ts";
import { isExecutable } from "./project_directory.ts";
import { type WriteSync, writeWhole } from "./write_whole.ts";

/** Signals by Deno itself. */
export const denoSignals: SignalDriver = {
  on(signal, handler) {
    Deno.addSignalListener(signal, handler);
    return () => Deno.removeSignalListener(signal, handler);
  },
};

/**
 * This process, by what Deno has of its own: `node:process` would cost a daemon 4 MiB for the whole of its
 * life. Only standard input and the terminal are had by it, when they are wanted.
 */
export const denoSelf: SelfDriver = {
  pid: Deno.pid,
  get programName() {
    return basename(programPath());
  },
  args: Deno.args,
  exit: (code) => Deno.exit(code),
  onCrash,
  get uid() {
    return Deno.uid() ?? 0;
  },
  env(name) {
    try {
      return Deno.env.get(name);
    } catch {
      return undefined; // it is not permitted: it does not exist for us
    }
  },
  mayReach: (host) => Deno.permissions.querySync({ name: "net", host }).state === "granted",
  writeOut: (text) => writeWhole(writeSync, 1, text),
  writeError: (text) => writeWhole(writeSync, 2, text),
  readInput: async (maxBytes, signal) =>
    await (await import("./node_input.ts")).readInput(maxBytes, signal),
  inputLines: async function* (signal) {
    yield* (await import("./node_input.ts")).inputLines(signal);
  },
  terminalColumns(stream) {
    if (!Deno[stream].isTerminal()) return undefined;
    try {
      return Deno.consoleSize().columns || 80;
    } catch {
      return 80; // a terminal that does not know
    }
  },
  isInputTerminal: () => Deno.stdin.isTerminal(),
  openTerminal: async () => (await import("./terminal/node_terminal.ts")).openNodeTerminal(),
  selfCommand(module, permissions) {
    // Its permissions are part of it.
    if (isExecutable()) return [Deno.execPath()];
    const path = module.protocol === "file:" ? filePathOf(module) : module.href;
    // Quiet: at each start Deno warns that permission sets are new.
    return [Deno.execPath(), "run", "--quiet", ...permissions, path];
  },
};

const writeSync: WriteSync = (fd, bytes) => (fd === 1 ? Deno.stdout : Deno.stderr).writeSync(bytes);

/** An executable is called as its file is, or as a link to it. */
function programPath(): string {
  if (!isExecutable()) return filePathOf(Deno.mainModule);
  const { process } = globalThis as unknown as { process: { argv: readonly string[] } };
  return process.argv[1] ?? "";
}

/**
 * See {@link SelfDriver.onCrash}. Deno would print the error with its stack and all that it holds. Whoever
 * wants the end of the process, a terminal above all, has been told before.
 */
function onCrash(handler: (error: unknown) => void): () => void {
  let isCrashing = false;
  const crash = (error: unknown): void => {
    if (isCrashing) return;
    isCrashing = true;
    // Registered now, it comes behind all others.
    addEventListener("unload", () => handler(error), { once: true });
    Deno.exit(1);
  };
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    crash(event.error);
  };
  const onRejection = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    crash(event.reason);
  };
  addEventListener("error", onError);
  addEventListener("unhandledrejection", onRejection);
  return () => {
    removeEventListener("error", onError);
    removeEventListener("unhandledrejection", onRejection);
  };
}
