import {
  configLines,
  describeConfig,
  inspectConfig,
  inspectConnectConfig,
  type Paths,
} from "../../lib/config/mod.ts";
import type { CommandContext } from "../command_context.ts";

/** Options of `check-config`. */
export interface CheckConfigOptions {
  readonly json?: true | undefined;
}

/**
 * Prints the configuration that is in effect, with the source of each value, and all that is wrong with
 * it; secrets are masked. Fails when something is wrong.
 *
 * @param file Checked in place of the main configuration; it must exist.
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
  const connect = inspectConnectConfig({ files: drivers.files, paths });
  const descriptions = {
    mender: describeConfig(mender, paths),
    connect: describeConfig(connect, paths, "connect"),
  };
  const isConnectUsed = connect.files.some(({ exists }) => exists);
  const text = options.json === true ? JSON.stringify(descriptions, null, 2) : [
    ...configLines(descriptions.mender),
    ...(isConnectUsed ? ["", "mender-connect.conf", ...configLines(descriptions.connect)] : []),
  ].join("\n");
  drivers.self.writeOut(redactor.redact(text) + "\n");
  const problems = [...mender.keys.problems, ...connect.keys.problems];
  return problems.length === 0 && mender.config.servers.length > 0 ? 0 : 1;
}
