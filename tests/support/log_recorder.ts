import { messageOf } from "../../lib/core/errors.ts";
import type { Logger, LogLevel } from "../../lib/core/logger.ts";

/** A logger that keeps its records as lines `<level>: <message>[: <error>]`. */
export interface LogRecorder extends Logger {
  /** Warnings and worse. */
  lines(): string[];
  /** Everything, as one text. */
  all(): string;
}

/** Makes a {@link LogRecorder}. */
export function logRecorder(): LogRecorder {
  const serious: LogLevel[] = ["warning", "error", "fatal"];
  const records: { level: LogLevel; line: string }[] = [];
  return {
    log(level, message, _fields, error) {
      const why = error === undefined ? "" : `: ${messageOf(error)}`;
      records.push({ level, line: `${level}: ${message}${why}` });
    },
    lines: () => records.filter(({ level }) => serious.includes(level)).map(({ line }) => line),
    all: () => records.map(({ line }) => line).join("\n"),
  };
}
