import { dirname } from "../../lib/core/posix_path.ts";
import { absolutePath } from "../../lib/runtime/absolute_path.ts";
import { hostAndPort, inspectConfig } from "../../lib/config/mod.ts";
import { proxyFromEnvironment } from "../../lib/runtime/http/proxy_settings.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import { commandNamed } from "../called_as.ts";
import type { CommandContext } from "../command_context.ts";
import { type CommandLine, PATH_PLACEHOLDERS } from "../command_line.ts";
import { programModules, projectDirectory } from "../../lib/runtime/project_directory.ts";
import { narrowSet, needsServer } from "./narrow_set.ts";
import { flagsOf, type PermissionSet, permissionSets } from "./permission_set.ts";
import { runtimeFlags } from "./runtime_flags.ts";

/** What these options name is written; what the other options name is read. */
const WRITTEN = ["--log-file", "--dir"];
/** Runs the commands that a policy asks. */
const POLICY_RUNNER = "./scripts/service/run_bounded.sh";
/** These two move the default places; by themselves they permit nothing. */
const MOVING = ["--root", "--data"];

/**
 * The flags with which one command line is run: the set of its command, narrowed to the device, with the
 * files that the line itself names. A command without a set of its own has that of the daemon, and `demo`,
 * which plays server, operator and device at once, has all rights.
 *
 * It never fails for what is configured wrongly: the command itself will tell.
 *
 * @param line `undefined`: a line that only asks for help, or is wrong.
 */
export async function lineFlags(
  context: CommandContext,
  line: CommandLine | undefined,
): Promise<string[]> {
  if (line === undefined) return flagsOf({ read: programModules(), env: { ignore: true } });
  if (line.command === "demo") return ["--allow-all"];
  const sets = await permissionSets();
  const set = { ...sets[setNameOf(line)] ?? sets["daemon"] };
  if (line.values.some(({ option }) => option === "--policy")) set.run = [POLICY_RUNNER];
  const listen = line.values.find(({ option }) => option === "--listen")?.value;
  if (listen !== undefined) set.net = [/^\d+$/.test(listen) ? `127.0.0.1:${listen}` : listen];
  const permissions = flagsOf(narrowSet(set, {
    paths: context.paths,
    home: projectDirectory(),
    ...(line.command === "setup" && { root: context.options.root ?? "/" }),
    ...configOf(context, set),
    ...busOf(context.drivers),
    net: proxiesOf(context.drivers),
    ...namedPaths(context.drivers, line),
  }));
  return [...runtimeFlags(commandNamed(line.command)), ...permissions];
}

/** A sub-updater that waits stands where one that reports does: it asks the daemon, or the server. */
function setNameOf({ command, part }: CommandLine): string {
  const name = commandNamed(command);
  return name === "flow" && part === "wait" ? "report" : name;
}

function configOf(
  { drivers, paths, options }: CommandContext,
  set: PermissionSet,
): Pick<Parameters<typeof narrowSet>[1], "config"> {
  if (!needsServer(set)) return {};
  const explicit = {
    main: options.config !== undefined,
    fallback: options.fallbackConfig !== undefined,
  };
  return { config: inspectConfig({ files: drivers.files, paths, explicit }).config };
}

function namedPaths(
  { files, self }: Pick<Drivers, "files" | "self">,
  line: CommandLine,
): { read: string[]; write: string[] } {
  const [read, write]: [string[], string[]] = [[], []];
  const certificates = self.env("SSL_CERT_FILE") ?? "";
  if (certificates !== "") read.push(absolutePath(certificates));
  for (const { option, placeholder, value } of line.values) {
    if (!PATH_PLACEHOLDERS.includes(placeholder) || value === "-" || value === "") continue;
    if (option !== undefined && MOVING.includes(option)) continue;
    const path = absolutePath(value);
    read.push(path);
    if (option === undefined || !WRITTEN.includes(option)) continue;
    write.push(path);
    // A directory that is still to be made is made durable in its parent.
    if (option === "--dir" && files.stat(path) === undefined) {
      read.push(dirname(path));
      write.push(dirname(path));
    }
  }
  return { read, write };
}

/** The socket that `DBUS_SYSTEM_BUS_ADDRESS` names. */
function busOf({ self }: Pick<Drivers, "self">): { busSocket?: string } {
  const path = /^unix:path=([^,;]+)/.exec(self.env("DBUS_SYSTEM_BUS_ADDRESS") ?? "")?.[1];
  return path === undefined ? {} : { busSocket: decodeURIComponent(path) };
}

/** Addresses of the proxies that the environment names; the command itself tells of wrong ones. */
export function proxiesOf({ self }: Pick<Drivers, "self">): string[] {
  try {
    const { http, https } = proxyFromEnvironment((name) => self.env(name)) ?? {};
    return [http, https].filter((url) => url !== undefined).map(hostAndPort);
  } catch {
    return [];
  }
}
