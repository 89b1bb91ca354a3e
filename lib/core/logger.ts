/** Severities, least severe first, in Mender's spelling (`critical` is read as `fatal`). */
export const LOG_LEVELS = ["trace", "debug", "info", "warning", "error", "fatal"] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/**
 * Reads the name of a level as people and older clients write it.
 *
 * @returns The level, or `undefined` for an unknown name.
 */
export function parseLogLevel(name: string): LogLevel | undefined {
  const text = name.trim().toLowerCase();
  if (text === "critical" || text === "panic") return "fatal";
  if (text === "warn") return "warning";
  return LOG_LEVELS.find((level) => level === text);
}

/** Extra facts of a record; values are short, and never secrets. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/**
 * Where the library writes what happens. The library never configures logging: whoever composes it
 * passes a logger in, and decides where records go.
 */
export interface Logger {
  /** Writes one record. `error` is rendered as its chain of messages, never as a stack. */
  log(level: LogLevel, message: string, fields?: LogFields, error?: unknown): void;
}

/** A logger that keeps nothing; the default of the library. */
export const silentLogger: Logger = { log() {} };

/** A logger that adds `fields` to every record of `logger`; fields of a record win. */
export function withFields(logger: Logger, fields: LogFields): Logger {
  return {
    log: (level, message, extra, error) =>
      logger.log(level, message, { ...fields, ...extra }, error),
  };
}
