import { join } from "../../lib/core/posix_path.ts";
import { RuntimeError } from "../../lib/core/errors.ts";
import { type FileDriver, readText } from "../../lib/runtime/files/file_driver.ts";
import { projectDirectory } from "../../lib/runtime/project_directory.ts";

/** A file that `setup` writes. */
export interface SetupFile {
  /** Where, on the device: without `--root`. */
  readonly path: string;
  /** What is in it. */
  readonly content: string;
  /** Its permission bits. */
  readonly mode: number;
  /** What it is for, in a few words. */
  readonly purpose: string;
  /** Whether it may hold secrets, which are not shown. */
  readonly isSecret?: true;
  /** Whether it belongs to whoever runs the device: it is never replaced unasked, and never removed. */
  readonly isConfiguration?: true;
}

/** Stands in every file that belongs to `setup`; a file without it is somebody else's. */
export const MARK = 'Written by "mender-deno setup';

/** Units that may be there, with the option that asks for them. */
export const UNITS = [
  "mender-deno.service",
  "mender-deno-flow-hold.service",
  "mender-deno-terminal.service",
] as const;

/** Commands of other clients that this program can take the place of, and what they are called with. */
export const ALIASES: Readonly<Record<string, readonly string[]>> = {
  "mender-python-client": [],
  "mender-update-flow-control": ["flow"],
};

/** Paths of everything that `setup` may have written and that `--uninstall` removes. */
export function removablePaths(): string[] {
  return [
    ...UNITS.map((unit) => `/etc/systemd/system/${unit}`),
    "/etc/dbus-1/system.d/io.mender.mender-deno.conf",
    "/etc/tmpfiles.d/mender-deno.conf",
    "/etc/logrotate.d/mender-deno",
    ...["mender-deno", ...Object.keys(ALIASES)].map((name) => `/usr/bin/${name}`),
  ];
}

/**
 * Fills one of the files of `scripts/service/system`.
 *
 * @param values What `@NAME@` stands for.
 * @throws {RuntimeError} `runtime.incomplete`: the file is missing in this installation, or asks for a
 * value that there is none of.
 */
export function filledFile(
  files: FileDriver,
  name: string,
  values: Readonly<Record<string, string>>,
): string {
  const path = join(projectDirectory(), "scripts/service", name);
  const text = readText(files, path);
  if (text === undefined) {
    throw new RuntimeError("runtime.incomplete", `Cannot set up: ${path} is missing`, {
      hint: "Install mender-deno again",
      retry: "never",
    });
  }
  return text.replace(/@([A-Z_]+)@/g, (_, key: string) => {
    const value = values[key];
    if (value !== undefined) return value;
    throw new RuntimeError("runtime.incomplete", `Cannot set up: ${path} wants a value for ${key}`);
  });
}
