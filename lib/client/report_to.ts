import type { Logger } from "../core/logger.ts";
import type { LogRecord, LogSink } from "../log/record.ts";

/** A sink that hands records, which are free of secrets by then, to the logger of an application. */
export function reportTo(logger: Logger): LogSink {
  return ({ level, message, fields, causes }: LogRecord) =>
    logger.log(level, message, fields, errorOf(causes));
}

/** Causes as an error with the causes of it, as {@link Logger} takes them. */
function errorOf(causes: readonly string[]): Error | undefined {
  return causes.reduceRight<Error | undefined>(
    (cause, message) => new Error(message, cause === undefined ? undefined : { cause }),
    undefined,
  );
}
