import { writeSync } from "node:fs";
import process from "node:process";
import { EventStream } from "../../core/event_stream.ts";
import { writeWhole } from "../write_whole.ts";
import type { Terminal } from "./terminal_driver.ts";

/** Another screen, whose content is gone when it is left; no cursor. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l";

/**
 * Takes over the terminal behind standard input and output: keys arrive one by one and unechoed, and the
 * screen is another one. It is given back at {@link Terminal.close}, and at the end of the process
 * whatever ends it, short of SIGKILL.
 *
 * @returns `undefined` when one of the two is no terminal, or one that cannot be drawn on.
 */
export function openNodeTerminal(): Terminal | undefined {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY || termOf() === "dumb") return undefined;
  const input = new EventStream<string>();
  const reader = input.subscribe();
  const decoder = new TextDecoder();
  const onData = (chunk: Uint8Array): void => input.push(decoder.decode(chunk, { stream: true }));
  const onEnd = (): void => input.end();
  const write = (text: string): void => writeWhole(writeSync, 1, text);
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    stopWatch();
    stdin.off("data", onData).off("end", onEnd).off("error", onEnd).pause();
    try {
      stdin.setRawMode(false);
    } catch {
      // A terminal that is gone has no mode any more.
    }
    write(LEAVE);
    onEnd();
  };
  const stopWatch = beforeTheEnd(close);
  stdin.setRawMode(true);
  stdin.on("data", onData).on("end", onEnd).on("error", onEnd);
  write(ENTER);
  return {
    get size() {
      const [columns, rows] = stdout.getWindowSize();
      // A terminal that nobody has given a size says 0.
      return { columns: columns || 80, rows: rows || 24 };
    },
    input: reader,
    onResize(listener) {
      process.on("SIGWINCH", listener);
      return () => process.off("SIGWINCH", listener);
    },
    write,
    close,
  };
}

function termOf(): string | undefined {
  try {
    return process.env.TERM;
  } catch {
    return undefined; // not permitted: then it is taken for an ordinary one
  }
}

/**
 * Calls back before the process ends, by a crash above all: before the runtime tells of it, so that what
 * it tells stands on the screen that stays.
 */
function beforeTheEnd(callback: () => void): () => void {
  if ("Deno" in globalThis) {
    // Deno does not tell `node:process` of its own way to end a process.
    const ends = ["error", "unhandledrejection", "unload"] as const;
    for (const type of ends) addEventListener(type, callback);
    return () => {
      for (const type of ends) removeEventListener(type, callback);
    };
  }
  const ends = ["exit", "uncaughtExceptionMonitor"] as const;
  for (const type of ends) process.on(type, callback);
  return () => {
    for (const type of ends) process.off(type, callback);
  };
}
