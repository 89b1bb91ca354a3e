import { join } from "../../lib/core/posix_path.ts";
import { type Config, inspectConfig, wellKnownPaths } from "../../lib/config/mod.ts";
import { readConfigFile } from "../../lib/config/config_file.ts";
import type { JsonObject } from "../../lib/core/json.ts";
import { shellLine } from "../../lib/core/shell_words.ts";
import { UsageError } from "../../lib/core/errors.ts";
import type { FileDriver } from "../../lib/runtime/files/file_driver.ts";
import { projectDirectory } from "../../lib/runtime/project_directory.ts";
import type { CommandContext } from "../command_context.ts";
import { narrowSet } from "../permissions/narrow_set.ts";
import { type PermissionSet, permissionSets } from "../permissions/permission_set.ts";
import { rootOf } from "./image.ts";
import type { SetupAnswers } from "./answers.ts";
import { type DeviceCommands, deviceCommands, execLine, homeOnDevice } from "./device_commands.ts";
import { ALIASES, filledFile, type SetupFile } from "./service_files.ts";

/** What is to be installed beside the daemon. */
export interface PlanOptions {
  readonly fork?: true | undefined;
  readonly flowHold?: true | undefined;
  readonly terminal?: true | undefined;
  readonly aliases?: true | undefined;
  readonly example?: true | undefined;
  readonly dbusGroup?: string | undefined;
  readonly net?: readonly string[] | undefined;
  readonly runtime?: string | undefined;
  readonly program?: string | undefined;
  readonly executable?: string | undefined;
}

/** The signal that would open the runtime's debugger is blocked; see docs/permissions.md. */
const UNDEBUGGED = ["/usr/bin/env", "--block-signal=USR1"];

/** The files that a device gets, in the order in which they are written. */
export async function setupPlan(
  context: CommandContext,
  answers: SetupAnswers,
  options: PlanOptions,
): Promise<SetupFile[]> {
  const { drivers, paths } = context;
  const root = rootOf(context);
  const { runtime, program, executable } = options;
  const where = { root, runtime, program, executable };
  const commands = deviceCommands(drivers, where);
  // What is read lies below the root; what it means, it means on the device.
  const { mainConfig, fallbackConfig } = paths;
  const devicePaths = { ...wellKnownPaths(), mainConfig, fallbackConfig };
  const standing = inspectConfig({ files: drivers.files, paths: devicePaths }).config;
  const config: Config = answers.serverUrl === undefined
    ? standing
    : { ...standing, servers: [answers.serverUrl] };
  const sets = drivers.runtime.name === "deno" ? await permissionSets() : undefined;
  const run = (command: string): string => {
    const set: PermissionSet = sets === undefined ? {} : setNamed(sets, command);
    const narrowed = narrowSet(set, {
      paths: wellKnownPaths(),
      config,
      home: homeOnDevice(where),
      net: options.net ?? [],
    });
    return execLine([...UNDEBUGGED, ...commands.withSet(command, narrowed)]);
  };
  return [
    ...configurationFiles(context, answers, options),
    ...units(context, options, commands, run),
    ...systemFiles(context, options),
    ...programs(context, options, commands, root),
  ];
}

function configurationFiles(
  context: CommandContext,
  answers: SetupAnswers,
  options: PlanOptions,
): SetupFile[] {
  const { drivers: { files }, paths } = context;
  const device = wellKnownPaths();
  const before = readConfigFile(files, paths.mainConfig, "main")?.values ?? {};
  const { Servers: _several, ...single } = before;
  const keys: JsonObject = {
    ...(answers.serverUrl === undefined ? before : { ...single, ServerURL: answers.serverUrl }),
    ...(answers.tenantToken !== undefined && { TenantToken: answers.tenantToken }),
    // In the sandbox a sub-updater that is forked could install nothing.
    HandoffRunner: options.fork === true ? "fork" : "systemd",
  };
  const isChanged = JSON.stringify(keys) !== JSON.stringify(before);
  const isNew = (path: string): boolean => files.stat(path, { follow: true }) === undefined;
  const example = "sub_updater_example.sh";
  return [
    ...(isChanged
      ? [
        {
          path: device.mainConfig,
          content: `${JSON.stringify(keys, null, 2)}\n`,
          mode: 0o600,
          purpose: "configuration",
          isSecret: true,
          isConfiguration: true,
        } as const,
      ]
      : []),
    ...(answers.deviceType === undefined ? [] : [
      {
        path: device.deviceType,
        content: `device_type=${answers.deviceType}\n`,
        mode: 0o644,
        purpose: "device type",
        isConfiguration: true,
      } as const,
    ]),
    ...(options.example === true && isNew(paths.installScript)
      ? [
        {
          path: device.installScript,
          content: filledFile(files, example, {}),
          mode: 0o755,
          purpose: "example of a sub-updater, to be changed",
          isConfiguration: true,
        } as const,
      ]
      : []),
  ];
}

function units(
  { drivers: { files } }: CommandContext,
  options: PlanOptions,
  commands: DeviceCommands,
  run: (command: string) => string,
): SetupFile[] {
  const values = {
    DATA: wellKnownPaths().dataDirectory,
    PROTECT_HOME: commands.isAtHome ? "read-only" : "yes",
  };
  const unit = (name: string, template: string, more: Record<string, string>, purpose: string) => ({
    path: `/etc/systemd/system/${name}.service`,
    content: filledFile(files, `system/${template}.service`, { ...values, ...more }),
    mode: 0o644,
    purpose,
  });
  const daemon = options.fork === true ? "mender-deno-fork" : "mender-deno";
  return [
    unit("mender-deno", daemon, { DAEMON: run("daemon") }, "unit of the daemon"),
    ...(options.flowHold === true
      ? [
        unit(
          "mender-deno-flow-hold",
          "mender-deno-flow-hold",
          { FLOW: run("flow") },
          "unit that holds updates",
        ),
      ]
      : []),
    ...(options.terminal === true
      ? [
        unit(
          "mender-deno-terminal",
          "mender-deno-terminal",
          { TERMINAL: run("terminal") },
          "unit of remote access",
        ),
      ]
      : []),
  ];
}

function systemFiles({ drivers: { files } }: CommandContext, options: PlanOptions): SetupFile[] {
  const { dbusGroup } = options;
  if (dbusGroup !== undefined && !/^[a-z_][a-z0-9_-]*$/.test(dbusGroup)) {
    throw new UsageError("usage.setup", `Cannot use the group "${dbusGroup}": no such name`);
  }
  const file = (path: string, template: string, purpose: string): SetupFile => ({
    path,
    content: filledFile(files, `system/${template}`, {
      DATA: wellKnownPaths().dataDirectory,
      ...(dbusGroup !== undefined && { GROUP: dbusGroup }),
    }),
    mode: 0o644,
    purpose,
  });
  const policy = `io.mender.mender-deno${dbusGroup === undefined ? "" : "-group"}.conf`;
  return [
    file("/etc/dbus-1/system.d/io.mender.mender-deno.conf", policy, "who may control updates"),
    file("/etc/tmpfiles.d/mender-deno.conf", "tmpfiles.conf", "directories"),
    file("/etc/logrotate.d/mender-deno", "logrotate.conf", "rotation of --log-file"),
  ];
}

function programs(
  { drivers: { files } }: CommandContext,
  options: PlanOptions,
  { program }: DeviceCommands,
  root: string,
): SetupFile[] {
  const script = (name: string, words: readonly string[], purpose: string): SetupFile => ({
    path: join("/usr/bin", name),
    content: filledFile(files, "system/program.sh", { PROGRAM: shellLine(words) }),
    mode: 0o755,
    purpose,
  });
  return [
    // An executable may be the command itself, and npm has made a link to it.
    ...(program.join() === "/usr/bin/mender-deno" ||
        isOurLink(files, join(root, "/usr/bin/mender-deno"))
      ? []
      : [script("mender-deno", program, "the command")]),
    ...(options.aliases === true
      ? Object.entries(ALIASES).map(([name, words]) =>
        script(name, [...program, ...words], "the command under an older name")
      )
      : []),
  ];
}

/** Whether a path is a link into this very installation. */
function isOurLink(files: FileDriver, path: string): boolean {
  if (files.stat(path)?.kind !== "link") return false;
  try {
    return files.realPath(path).startsWith(`${projectDirectory()}/`);
  } catch {
    return false; // it leads nowhere, or where we may not look: it is somebody else's
  }
}

function setNamed(sets: Readonly<Record<string, PermissionSet>>, name: string): PermissionSet {
  const set = sets[name];
  if (set !== undefined) return set;
  throw new UsageError("usage.setup", `Cannot set up: there is no permission set "${name}"`);
}
