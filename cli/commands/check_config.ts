import {
  type Config,
  configLines,
  describeConfig,
  inspectConfig,
  inspectConnectConfig,
  type Paths,
  requireServers,
  throwProblems,
} from "../../lib/config/mod.ts";
import { ConfigError } from "../../lib/core/errors.ts";
import type { CommandContext } from "../command_context.ts";

/** Options of `check-config`. */
export interface CheckConfigOptions {
  readonly json?: true | undefined;
}

/**
 * Prints the configuration that is in effect, with the source of each value, and all that is wrong with
 * it; secrets are masked.
 *
 * @param file Checked in place of the main configuration; it must exist.
 * @throws {ConfigError} What is wrong, once everything was printed.
 */
export function checkConfig(
  context: CommandContext,
  file: string | undefined,
  options: CheckConfigOptions,
): number {
  const { drivers, redactor } = context;
  const paths: Paths = file === undefined ? context.paths : { ...context.paths, mainConfig: file };
  const isMainNamed = file !== undefined || context.options.config !== undefined;
  const mender = inspectConfig({
    files: drivers.files,
    paths,
    explicit: { main: isMainNamed, fallback: context.options.fallbackConfig !== undefined },
  });
  redactor.add(mender.config.tenantToken);
  if (mender.keys.problems.length === 0) mender.keys.problems.push(...missingServer(mender.config));
  // A file that is named may be meant for another machine: what this one has beside it does not count.
  const connect = file === undefined
    ? inspectConnectConfig({ files: drivers.files, paths })
    : undefined;
  const descriptions = {
    mender: describeConfig(mender, paths),
    ...(connect && { connect: describeConfig(connect, paths, "connect") }),
  };
  const shownConnect = connect?.files.some(({ exists }) => exists)
    ? descriptions.connect
    : undefined;
  // The main file last: what is wrong with it should be on the screen when the output is long.
  const text = options.json === true ? JSON.stringify(descriptions, null, 2) : [
    ...(shownConnect ? ["mender-connect.conf", ...configLines(shownConnect), ""] : []),
    "mender.conf",
    ...configLines(descriptions.mender),
  ].join("\n");
  drivers.self.writeOut(redactor.redact(text) + "\n");
  throwProblems([...mender.keys.problems, ...(connect?.keys.problems ?? [])]);
  return 0;
}

/** A configuration without a server can be loaded; it is of no use to a daemon. */
function missingServer(config: Config): ConfigError[] {
  try {
    requireServers(config);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return [error];
    throw error;
  }
}
