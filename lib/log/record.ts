import { causeChain } from "../core/errors.ts";
import { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from "../core/logger.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Redactor } from "./redactor.ts";

/** One thing that happened, free of secrets. */
export interface LogRecord {
  /** Wall-clock time, ISO 8601 in UTC. */
  readonly timestamp: string;
  /** Severity. */
  readonly level: LogLevel;
  /** One line for a person. */
  readonly message: string;
  /** Extra facts. */
  readonly fields: LogFields;
  /** Messages of the error and its causes, outermost first. */
  readonly causes: readonly string[];
}

/** Where records go. */
export interface LogSink {
  /** Takes a record. */
  (record: LogRecord): void;
  /** Whether records of a level are of any use to it; all are when absent. */
  readonly wants?: (level: LogLevel) => boolean;
}

/**
 * Makes the logger that hands redacted records to sinks.
 *
 * It never throws: a log that cannot be written (a full disk above all) must not end what it tells
 * about. The other sinks are told of the failure, once until that sink works again.
 */
export function logTo(sinks: readonly LogSink[], redactor: Redactor, clock: Clock): Logger {
  const broken = new Set<LogSink>();
  const hand = (record: LogRecord): void => {
    for (const { sink, error } of writeAll(sinks, record, broken)) {
      const others = sinks.filter((other) => other !== sink);
      const causes = causeChain(error).map((cause) => oneLine(redactor.redact(cause)));
      const message = "Cannot write to one of the logs";
      writeAll(others, { ...record, level: "warning", message, fields: {}, causes }, broken);
    }
  };
  return {
    log(level, message, fields = {}, error) {
      // Most records of a device are wanted by nobody: to make one costs a tenth of a millisecond.
      if (sinks.every((sink) => sink.wants?.(level) === false)) return;
      const record: LogRecord = {
        timestamp: timestampOf(clock),
        level,
        message: oneLine(redactor.redact(message)),
        fields: redactFields(fields, redactor),
        causes: causeChain(error).map((cause) => oneLine(redactor.redact(cause))),
      };
      hand(record);
    },
  };
}

/** Writes to all sinks; gives those that failed and had not failed before. */
function writeAll(
  sinks: readonly LogSink[],
  record: LogRecord,
  broken: Set<LogSink>,
): { sink: LogSink; error: unknown }[] {
  const failures: { sink: LogSink; error: unknown }[] = [];
  for (const sink of sinks) {
    try {
      sink(record);
      broken.delete(sink);
    } catch (error) {
      if (!broken.has(sink)) failures.push({ sink, error });
      broken.add(sink);
    }
  }
  return failures;
}

/**
 * A sink that passes on what is at least as severe as a level.
 *
 * @param level Tells the level, which may change.
 */
export function atLeast(level: () => LogLevel, sink: LogSink): LogSink {
  const wants = (found: LogLevel): boolean =>
    LOG_LEVELS.indexOf(found) >= LOG_LEVELS.indexOf(level());
  const passOn = (record: LogRecord): void => {
    if (wants(record.level)) sink(record);
  };
  return Object.assign(passOn, { wants });
}

/** The record as one line for a person: time, level, message, causes, fields; nothing is said twice. */
export function textLine(record: LogRecord): string {
  const causes: string[] = [];
  for (const cause of record.causes) {
    if (![record.message, ...causes].some((said) => quotes(said, cause))) causes.push(cause);
  }
  const fields = Object.entries(record.fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${typeof value === "string" ? quoted(value) : value}`);
  const because = causes.length > 0 ? `: ${causes.join(": ")}` : "";
  return `${record.timestamp} ${record.level.toUpperCase()} ${record.message}${because}${
    fields.join("")
  }\n`;
}

/** Whether a message is another one, or has it whole: behind ": " or "; ", and before one or at its end. */
function quotes(message: string, quoted: string): boolean {
  const whole = `; ${message};`;
  return [": ", "; "].some((mark) =>
    whole.includes(`${mark}${quoted};`) || whole.includes(`${mark}${quoted}: `)
  );
}

/** The record as one JSON object on a line, with stable keys, which no field replaces. */
export function jsonLine(record: LogRecord): string {
  const own = {
    timestamp: record.timestamp,
    level: record.level,
    message: record.message,
    ...(record.causes.length > 0 && { causes: record.causes }),
  };
  return JSON.stringify({ ...own, ...record.fields, ...own }) + "\n";
}

function redactFields(fields: LogFields, redactor: Redactor): LogFields {
  const clean: Record<string, string | number | boolean | null> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    clean[name] = typeof value === "string" ? oneLine(redactor.redact(value)) : value;
  }
  return clean;
}

function quoted(text: string): string {
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}

function oneLine(text: string): string {
  // Control characters from a script or a server must not reach a terminal.
  // deno-lint-ignore no-control-regex
  return text.replace(/\s*[\r\n]+\s*/g, " ").replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "\ufffd")
    .trim();
}

function timestampOf(clock: Clock): string {
  const now = clock.now();
  // A clock beyond the range of dates must not end the daemon.
  return Math.abs(now) <= 8.64e15 ? new Date(now).toISOString() : new Date(0).toISOString();
}
