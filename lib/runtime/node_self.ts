import { writeSync } from "node:fs";
import process from "node:process";
import { isatty } from "node:tty";
import { basename } from "../core/posix_path.ts";
import type { SelfDriver, SignalDriver } from "./drivers.ts";
import { filePathOf } from "./file_path_of.ts";
import { inputLines, readInput } from "./node_input.ts";
import { openNodeTerminal } from "./terminal/node_terminal.ts";
import { writeWhole } from "./write_whole.ts";

/** Signals by `node:process`. */
export const nodeSignals: SignalDriver = {
  on(signal, handler) {
    process.on(signal, handler);
    return () => process.off(signal, handler);
  },
};

/** This process, by `node:process`. */
export const nodeSelf: SelfDriver = {
  pid: process.pid,
  programName: basename(process.argv[1] ?? ""),
  args: process.argv.slice(2),
  exit: (code) => process.exit(code),
  onCrash,
  get uid() {
    return process.getuid?.() ?? 0;
  },
  env: (name) => process.env[name],
  mayReach: () => true,
  writeOut: (text) => writeWhole(writeSync, 1, text),
  writeError: (text) => writeWhole(writeSync, 2, text),
  readInput,
  inputLines,
  terminalColumns(stream) {
    return process[stream].isTTY ? process[stream].columns ?? 80 : undefined;
  },
  isInputTerminal: () => isatty(0),
  openTerminal: () => Promise.resolve(openNodeTerminal()),
  selfCommand: (module) => [
    process.execPath,
    module.protocol === "file:" ? filePathOf(module) : module.href,
  ],
};

/** See {@link SelfDriver.onCrash}. Node would print the error with its stack and all that it holds. */
function onCrash(handler: (error: unknown) => void): () => void {
  let isCrashing = false;
  const crash = (error: unknown): void => {
    if (isCrashing) return;
    isCrashing = true;
    // Registered now, it comes behind all others.
    process.once("exit", () => handler(error));
    process.exit(1);
  };
  process.on("uncaughtException", crash);
  return () => process.off("uncaughtException", crash);
}
