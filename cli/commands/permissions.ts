import { requireServers } from "../../lib/config/mod.ts";
import { nearestName } from "../../lib/core/nearest_name.ts";
import { RuntimeError, UsageError } from "../../lib/core/errors.ts";
import { shellLine } from "../../lib/core/shell_words.ts";
import type { CommandContext } from "../command_context.ts";
import type { CommandLine } from "../command_line.ts";
import { lineFlags, proxiesOf } from "../permissions/line_flags.ts";
import { narrowSet, needsServer } from "../permissions/narrow_set.ts";
import { flagsOf, type PermissionSet, permissionSets } from "../permissions/permission_set.ts";
import { projectDirectory } from "../../lib/runtime/project_directory.ts";

/** Options of `permissions`. */
export interface PermissionsOptions {
  readonly net?: readonly string[] | undefined;
  readonly json?: true | undefined;
}

/**
 * Prints the permission sets, narrowed to this device: as flags of `deno run`, or as `deno.json` has them.
 *
 * @param name One set alone.
 * @throws {RuntimeError} `runtime.no-permissions`: Node has none.
 * @throws {ConfigError} `config.missing-server`: a set is wanted that names servers.
 */
export async function permissions(
  context: CommandContext,
  name: string | undefined,
  options: PermissionsOptions,
): Promise<number> {
  const { drivers } = context;
  refuseNode(context);
  const sets = await permissionSets();
  const names = name === undefined ? Object.keys(sets) : [knownName(sets, name)];
  const narrowed = Object.fromEntries(
    names.map((each) => [each, deviceSet(context, sets[each]!, options.net ?? [])]),
  );
  const lines = Object.entries(narrowed).map(([each, set]) => {
    const flags = shellLine(flagsOf(set));
    return name === undefined ? `${each}: ${flags}` : flags;
  });
  drivers.self.writeOut(
    (options.json === true ? JSON.stringify(narrowed, null, 2) : lines.join("\n")) + "\n",
  );
  return 0;
}

/** Prints the flags for one command line, a line for each: what `scripts/mender-deno` asks for. */
export async function permissionsForLine(
  context: CommandContext,
  line: CommandLine | undefined,
): Promise<number> {
  refuseNode(context);
  const flags = await lineFlags(context, line);
  context.drivers.self.writeOut(flags.map((flag) => `${flag}\n`).join(""));
  return 0;
}

/** A set for the device of a command line. */
export function deviceSet(
  context: CommandContext,
  set: PermissionSet,
  net: readonly string[],
): PermissionSet {
  const { drivers, paths } = context;
  const around = { paths, home: projectDirectory() };
  if (!needsServer(set)) return narrowSet(set, around);
  const config = context.loadConfig();
  requireServers(config);
  return narrowSet(set, { ...around, config, net: [...net, ...proxiesOf(drivers)] });
}

function knownName(sets: Readonly<Record<string, unknown>>, name: string): string {
  if (Object.hasOwn(sets, name)) return name;
  const meant = nearestName(name, Object.keys(sets));
  throw new UsageError("usage.permissions", `There is no permission set "${name}"`, {
    hint: meant === undefined
      ? `There are ${Object.keys(sets).join(", ")}`
      : `Did you mean ${meant}?`,
  });
}

function refuseNode({ drivers }: CommandContext): void {
  if (drivers.runtime.name === "deno") return;
  throw new RuntimeError(
    "runtime.no-permissions",
    "Cannot print permissions: Node has none, every command may do what its user may do",
    { hint: "Run it on Deno where the rights of the program matter", retry: "never" },
  );
}
