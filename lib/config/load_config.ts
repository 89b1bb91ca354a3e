/**
 * Configuration: where the files are, what they say, and what is wrong with them. Nothing here reads
 * a file that a configuration names; whoever needs that file does.
 *
 * @module
 */
import { ConfigError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { Logger } from "../core/logger.ts";
import type { FileDriver } from "../runtime/files/file_driver.ts";
import { buildConfig, type Config } from "./config.ts";
import { type ConfigFile, readConfigFile } from "./config_file.ts";
import { buildConnectConfig, type ConnectConfig } from "./connect_config.ts";
import type { KeySpec } from "./key_spec.ts";
import { CONNECT_KEYS, MENDER_KEYS } from "./keys_table.ts";
import type { Paths } from "./paths.ts";
import { type ResolvedKeys, resolveKeys } from "./resolve_keys.ts";

/** Where a configuration is read, and which files must exist. */
export interface LoadConfigOptions {
  /** Files of the machine. */
  readonly files: FileDriver;
  /** Names both files and the defaults of paths. */
  readonly paths: Paths;
  /** Whether a file was named by the user, so that it must exist. */
  readonly explicit?: { readonly main?: boolean; readonly fallback?: boolean };
  /** Keys that a program sets itself, as in the file; they win over both files. */
  readonly settings?: JsonObject | undefined;
}

/** A configuration with all that was noticed while it was read. */
export interface InspectedConfig<T> {
  /** Both paths, and whether there is a file. */
  readonly files: readonly {
    readonly source: ConfigFile["source"];
    readonly path: string;
    readonly exists: boolean;
  }[];
  /** Keys of the table and their merged values. */
  readonly keys: ResolvedKeys;
  /** The configuration; only to be used when `keys.problems` is empty. */
  readonly config: T;
}

/** Reads `mender.conf` and tells everything that is wrong with it instead of throwing. */
export function inspectConfig(options: LoadConfigOptions): InspectedConfig<Config> {
  const { mainConfig, fallbackConfig } = options.paths;
  const read = readBoth(MENDER_KEYS, options, mainConfig, fallbackConfig);
  return { ...read, config: buildConfig(read.keys, options.paths) };
}

/** Reads `mender-connect.conf` and tells everything that is wrong with it instead of throwing. */
export function inspectConnectConfig(options: LoadConfigOptions): InspectedConfig<ConnectConfig> {
  const { connectConfig, connectFallbackConfig } = options.paths;
  const read = readBoth(CONNECT_KEYS, options, connectConfig, connectFallbackConfig);
  return { ...read, config: buildConnectConfig(read.keys) };
}

/**
 * Reads, merges and checks `mender.conf`. Warnings go to the logger; a missing server is no error
 * here, see `requireServers`.
 *
 * @throws {ConfigError} The one problem there is, with its own code: `config.unreadable`,
 * `config.not-a-file`, `config.too-large`, `config.bad-json`, `config.not-an-object`,
 * `config.missing-file`, `config.wrong-type`, `config.out-of-range`, `config.conflict`,
 * `config.bad-server-url`, `config.hardware-key`, `config.missing-client-key`. Several problems:
 * `config.invalid`, whose cause is an AggregateError that holds them.
 */
export function loadConfig(options: LoadConfigOptions & { readonly logger: Logger }): Config {
  return finish(inspectConfig(options), options.logger);
}

/** Reads, merges and checks `mender-connect.conf`; throws as {@link loadConfig} does. */
export function loadConnectConfig(
  options: LoadConfigOptions & { readonly logger: Logger },
): ConnectConfig {
  return finish(inspectConnectConfig(options), options.logger);
}

function readBoth(
  table: readonly KeySpec[],
  options: LoadConfigOptions,
  main: string,
  fallback: string,
): Omit<InspectedConfig<never>, "config"> {
  const problems: ConfigError[] = [];
  const read = (source: ConfigFile["source"], path: string): FileState => {
    try {
      const file = readConfigFile(options.files, path, source);
      if (file === undefined && options.explicit?.[source] === true) {
        const message = `Cannot read ${path}: there is no such file`;
        problems.push(new ConfigError("config.missing-file", message, { retry: "never" }));
      }
      return { source, path, exists: file !== undefined, file };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(error);
      return { source, path, exists: true, file: undefined };
    }
  };
  const states = [read("main", main), read("fallback", fallback)] as const;
  const laidOver = withSettings(states[0].file, options.settings);
  const keys = resolveKeys(table, { main: laidOver, fallback: states[1].file });
  keys.problems.unshift(...problems);
  return { files: states.map(({ source, path, exists }) => ({ source, path, exists })), keys };
}

function withSettings(
  file: ConfigFile | undefined,
  settings: JsonObject | undefined,
): ConfigFile | undefined {
  if (settings === undefined) return file;
  const own = "the settings of the program";
  return {
    source: "main",
    path: file === undefined ? own : `${file.path} or ${own}`,
    values: { ...file?.values, ...settings },
    repeatedKeys: file?.repeatedKeys ?? [],
  };
}

type FileState = InspectedConfig<never>["files"][number] & {
  readonly file: ConfigFile | undefined;
};

function finish<T>({ keys, files, config }: InspectedConfig<T>, logger: Logger): T {
  const { problems, warnings, unused } = keys;
  for (const { path, exists } of files) {
    if (!exists) logger.log("debug", `There is no ${path}`);
  }
  for (const name of unused) {
    logger.log("debug", `The key ${name} is for other Mender clients and has no effect`);
  }
  for (const warning of warnings) logger.log("warning", warning);
  throwProblems(problems);
  return config;
}

/**
 * Throws what is wrong with a configuration, if anything is.
 *
 * @throws {ConfigError} The one problem there is, or `config.invalid` with all of them.
 */
export function throwProblems(problems: readonly ConfigError[]): void {
  if (problems.length === 0) return;
  if (problems.length === 1) throw problems[0]!;
  throw new ConfigError(
    "config.invalid",
    `Cannot use the configuration, for ${problems.length} reasons: ${
      problems.map(({ message }) => message).join("; ")
    }`,
    { cause: new AggregateError(problems, "Several problems"), retry: "never" },
  );
}
