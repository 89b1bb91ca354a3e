import type { Drivers } from "../lib/runtime/drivers.ts";

const RED = "\x1b[31m";
const YELLOW = "\x1b[33m";
const PLAIN = "\x1b[0m";

/** Colours of the words that begin a line. */
const COLORS: Readonly<Record<string, string>> = {
  Error: RED,
  WARNING: YELLOW,
  ERROR: RED,
  FATAL: RED,
};

/** Whether standard error may be coloured: it is a terminal, and NO_COLOR does not forbid it. */
export function hasColor({ self }: Pick<Drivers, "self">): boolean {
  return self.terminalColumns("stderr") !== undefined && (self.env("NO_COLOR") ?? "") === "";
}

/** A line of the log, or of an error, with the word that tells its weight in a colour. */
export function colored(line: string): string {
  return line.replace(
    /^(\d{4}-\S+ )?(Error(?=:)|WARNING|ERROR|FATAL)\b/,
    (_, time = "", word: string) => `${time}${COLORS[word]}${word}${PLAIN}`,
  );
}
