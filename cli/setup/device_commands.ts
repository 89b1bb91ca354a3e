import { basename, join } from "../../lib/core/posix_path.ts";
import { UsageError } from "../../lib/core/errors.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import { projectDirectory } from "../../lib/runtime/project_directory.ts";
import { MAIN_MODULE } from "../main_module.ts";
import type { PermissionSet } from "../permissions/permission_set.ts";
import { flagsOf } from "../permissions/permission_set.ts";
import { runtimeFlags } from "../permissions/runtime_flags.ts";

/** How this program is started on the device. */
export interface DeviceCommands {
  /** Words in front of the arguments of any command. */
  readonly program: readonly string[];
  /** Words that run one command with the rights of its set, which Node does not have. */
  readonly withSet: (command: string, set: PermissionSet) => readonly string[];
  /** Whether the program lies where `ProtectHome=yes` would hide it. */
  readonly isAtHome: boolean;
}

/** What a program that is installed elsewhere says about where it will be. */
export interface DeviceCommandsOptions {
  /** Root of the device's files. */
  readonly root: string;
  /** Deno or Node on the device; absent: the one that runs now. */
  readonly runtime?: string | undefined;
  /** Directory of mender-deno on the device; absent: that of this program. */
  readonly program?: string | undefined;
  /** A compiled executable on the device, in the place of all that. */
  readonly executable?: string | undefined;
}

/** Finds out how this program is started on the device. */
export function deviceCommands(
  drivers: Pick<Drivers, "self" | "runtime" | "files">,
  options: DeviceCommandsOptions,
): DeviceCommands {
  const onDevice = (path: string): string => withoutRoot(path, options.root);
  const home = options.program ?? onDevice(projectDirectory());
  const [running = ""] = drivers.self.selfCommand(MAIN_MODULE, []);
  const runtime = options.runtime ?? onDevice(running);
  const main = join(home, "cli", basename(MAIN_MODULE.pathname));
  const { executable } = options;
  if (executable !== undefined) { // its permissions are part of it
    return {
      program: [executable],
      withSet: (command) => [executable, command],
      isAtHome: isAtHome(executable),
    };
  }
  const isDeno = drivers.runtime.name === "deno";
  const isOwnRuntime = runtime === join(home, "bin/deno");
  const wrapper = [
    ...(isOwnRuntime ? [] : ["/usr/bin/env", `MENDER_DENO_RUNTIME=${runtime}`]),
    join(home, "scripts/mender-deno"),
  ];
  return {
    program: isDeno ? wrapper : [runtime, main],
    withSet(command, set) {
      if (!isDeno) return [runtime, main, command];
      const flags = ["-q", "--no-prompt", ...runtimeFlags(command), ...flagsOf(set)];
      return [runtime, "run", ...flags, main, command];
    },
    isAtHome: [runtime, home].some(isAtHome),
  };
}

/** Directory of the helper scripts' parent on the device: what relative paths of a set are meant from. */
export function homeOnDevice(options: DeviceCommandsOptions): string {
  return options.program ?? withoutRoot(projectDirectory(), options.root);
}

/** A path below the root of an image, as the device will have it; any other path as it is. */
export function withoutRoot(path: string, root: string): string {
  if (root === "/" || !`${path}/`.startsWith(`${root}/`)) return path;
  return path.slice(root.length) || "/";
}

/**
 * Words as systemd reads them in `ExecStart=`.
 *
 * @throws {UsageError} `usage.setup`: a path that cannot be written there.
 */
export function execLine(words: readonly string[]): string {
  return words.map((word) => {
    if (/[\n"\\]/.test(word)) {
      throw new UsageError("usage.setup", `Cannot write ${JSON.stringify(word)} into a unit`);
    }
    const escaped = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
    return /[\s';]/.test(word) ? `"${escaped}"` : escaped;
  }).join(" ");
}

function isAtHome(path: string): boolean {
  return /^\/(home|root|run\/user)\//.test(path);
}
