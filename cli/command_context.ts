import { type Config, loadConfig, type Paths, wellKnownPaths } from "../lib/config/mod.ts";
import { UsageError } from "../lib/core/errors.ts";
import { type Logger, type LogLevel, parseLogLevel } from "../lib/core/logger.ts";
import {
  atLeast,
  jsonLine,
  type LogRecord,
  type LogSink,
  logTo,
  textLine,
} from "../lib/log/record.ts";
import type { Redactor } from "../lib/log/redactor.ts";
import type { FileHandle } from "../lib/runtime/files/file_driver.ts";
import type { Drivers } from "../lib/runtime/drivers.ts";
import { storeFailure } from "../lib/store/store_failure.ts";
import { colored, hasColor } from "./colors.ts";
import { interruption } from "./interrupted.ts";

/** Options that every command takes, before or after its name (architecture section 3). */
export interface GlobalOptions {
  readonly root?: string | undefined;
  readonly config?: string | undefined;
  readonly fallbackConfig?: string | undefined;
  readonly data?: string | undefined;
  readonly logFile?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly logFormat?: "text" | "json" | undefined;
  readonly trustedCerts?: string | undefined;
  readonly skipverify?: true | undefined;
  readonly forcebootstrap?: true | undefined;
  readonly verbose?: true | undefined;
}

/** What a command works with. */
export interface CommandContext {
  readonly drivers: Drivers;
  readonly options: GlobalOptions;
  readonly paths: Paths;
  readonly redactor: Redactor;
  readonly logger: Logger;
  /** A logger that writes to another sink too. */
  readonly loggerWith: (sink: LogSink) => Logger;
  /** Aborted when the program is to end. */
  readonly signal: AbortSignal;
  /** From now on SIGHUP does not end the program. */
  readonly outliveTerminal: () => void;
  /** Reads the configuration, with the command line laid over it. */
  readonly loadConfig: () => Config;
  /** Closes the log file; what is logged afterwards does not get there. */
  readonly close: () => void;
}

/** Makes the context of a command line. */
export function commandContext(
  drivers: Drivers,
  options: GlobalOptions,
  redactor: Redactor,
): CommandContext {
  refuseEmptyPaths(options);
  const paths = wellKnownPaths({
    ...(options.root !== undefined && { root: options.root }),
    ...(options.data !== undefined && { data: options.data }),
    ...(options.config !== undefined && { config: options.config }),
    ...(options.fallbackConfig !== undefined && { fallbackConfig: options.fallbackConfig }),
  });
  const chosen = parseLogLevel(options.logLevel ?? "info");
  const output = new LogOutput(drivers, options, chosen ?? "info");
  const logger = logTo([output.sink], redactor, drivers.clock);
  if (chosen === undefined) {
    logger.log("warning", `There is no log level "${options.logLevel}"; info is used`);
  }
  return {
    drivers,
    options,
    paths,
    redactor,
    logger,
    loggerWith: (sink) => logTo([output.sink, sink], redactor, drivers.clock),
    ...interruption(drivers.signals),
    close: () => output.close(),
    loadConfig() {
      const config = loadConfig({
        files: drivers.files,
        paths,
        logger,
        explicit: {
          main: options.config !== undefined,
          fallback: options.fallbackConfig !== undefined,
        },
      });
      if (options.logLevel === undefined) output.level = config.logLevel ?? "info";
      return {
        ...config,
        ...(options.trustedCerts !== undefined && { caFile: options.trustedCerts }),
        ...(options.skipverify === true && { skipVerify: true }),
      };
    },
  };
}

/** Runs a command; its log file is closed at the end. */
export async function runIn(
  context: CommandContext,
  run: (context: CommandContext) => Promise<number>,
): Promise<number> {
  try {
    return await run(context);
  } finally {
    context.close();
  }
}

/** Standard error, and the file of `--log-file`, from the chosen level on. */
class LogOutput {
  level: LogLevel;
  readonly sink: LogSink;
  #file: FileHandle | undefined;

  constructor(drivers: Drivers, options: GlobalOptions, level: LogLevel) {
    this.level = level;
    const format = options.logFormat === "json" ? jsonLine : textLine;
    const isColored = format === textLine && hasColor(drivers);
    const shown = (record: LogRecord): string =>
      isColored ? colored(format(record)) : format(record);
    const sinks: LogSink[] = [(record) => drivers.self.writeError(shown(record))];
    const { logFile } = options;
    if (logFile !== undefined) {
      const encoder = new TextEncoder();
      this.#file = openLog(drivers, logFile);
      sinks.push((record) => this.#file?.write(encoder.encode(format(record))));
    }
    this.sink = atLeast(() => this.level, (record) => {
      for (const sink of sinks) sink(record);
    });
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

function openLog(drivers: Drivers, path: string): FileHandle {
  try {
    return drivers.files.open(path, "append", { permissions: 0o640, follow: true });
  } catch (error) {
    throw storeFailure("write the log file", path, error);
  }
}

/** An empty variable in a script must not turn into the directory that we happen to stand in. */
function refuseEmptyPaths(options: GlobalOptions): void {
  const { root, config, fallbackConfig, data, logFile, trustedCerts } = options;
  const paths = {
    "--root": root,
    "--config": config,
    "--fallback-config": fallbackConfig,
    "--data": data,
    "--log-file": logFile,
    "--trusted-certs": trustedCerts,
  };
  for (const [name, path] of Object.entries(paths)) {
    if (path?.trim() !== "") continue;
    throw new UsageError("usage.empty-path", `Cannot use ${name}: wanted a path, found ""`);
  }
}
