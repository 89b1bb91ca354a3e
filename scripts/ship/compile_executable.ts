import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { narrowSet } from "../../cli/permissions/narrow_set.ts";
import { flagsOf, type PermissionSet } from "../../cli/permissions/permission_set.ts";
import { type Config, inspectConfig, wellKnownPaths } from "../../lib/config/mod.ts";
import { denoFiles } from "../../lib/runtime/files/deno_files.ts";
import { EXECUTABLE_HOME, PROGRAM_MODULES } from "../../lib/runtime/project_directory.ts";

/** Machines that Deno is there for; a 32-bit ARM is none of them. */
export const TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] as const;

/** What an executable is made for. */
export interface ExecutableOptions {
  /** Where the tree goes. */
  readonly directory: string;
  /** The machine. */
  readonly target: typeof TARGETS[number];
  /** Sets of `deno.json` that it has the rights of. */
  readonly sets: readonly string[];
  /** A `mender.conf`, whose servers and files are permitted. */
  readonly config: string | undefined;
  /** Further addresses. */
  readonly net: readonly string[];
}

/** Why there is no executable, in one line. */
export class CompileFailure extends Error {}

/**
 * Compiles the program, with its permissions baked in, and lays it out as it has to stand on a device: the
 * executable, and the helper scripts that the system must be able to start.
 *
 * @returns The directory of the tree.
 * @throws {CompileFailure} The runtime part cannot be had, or a set is not there.
 */
export function compileExecutable(options: ExecutableOptions): string {
  const { name, version, imports } = JSON.parse(readFileSync("deno.json", "utf8"));
  const flags = bakedFlags(options);
  const tree = resolve(options.directory, `${name}-${version}-${options.target}`);
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(join(tree, "usr/bin"), { recursive: true });
  // Beside the modules: what is embedded is named from the directory on that both are in.
  mkdirSync(".build", { recursive: true });
  const settings = mkdtempSync(".build/compile-");
  writeFileSync(join(settings, "deno.json"), JSON.stringify({ imports }));
  const { status, stderr } = spawnSync(process.execPath, [
    "compile",
    "--no-prompt",
    "--no-check",
    // With that of the checkout modules are found when they are imported; here all are embedded.
    `--config=${join(settings, "deno.json")}`,
    "--lock=deno.lock",
    `--target=${options.target}`,
    `--output=${join(tree, "usr/bin", name)}`,
    ...flags,
    "cli/main.ts",
  ], { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  rmSync(settings, { recursive: true });
  if (status !== 0) {
    rmSync(tree, { recursive: true, force: true });
    throw new CompileFailure(reasonOf(stderr, options.target));
  }
  cpSync("scripts/service", join(tree, EXECUTABLE_HOME, "scripts/service"), { recursive: true });
  return tree;
}

/** The flags of all its sets together. */
export function bakedFlags({ sets, config: path, net }: ExecutableOptions): string[] {
  const { permissions } = JSON.parse(readFileSync("deno.json", "utf8")) as {
    permissions: Record<string, PermissionSet>;
  };
  const paths = wellKnownPaths();
  const config: Config | undefined = path === undefined ? undefined : inspectConfig({
    files: denoFiles,
    paths: { ...paths, mainConfig: path, fallbackConfig: "/nonexistent" },
  }).config;
  const around = { paths, home: EXECUTABLE_HOME, net, ...(config && { config }) };
  const flags = new Map<string, Set<string> | undefined>();
  for (const name of sets) {
    const set = permissions[name];
    if (set === undefined) throw new CompileFailure(`there is no permission set "${name}"`);
    for (const flag of flagsOf(narrowSet(withoutModules(set), around))) {
      const [kind = "", list] = flag.split("=");
      const items = [...flags.get(kind) ?? [], ...list?.split(",") ?? []];
      flags.set(kind, list === undefined ? undefined : new Set(items.sort()));
    }
  }
  return [...flags].map(([kind, items]) =>
    items === undefined ? kind : `${kind}=${[...items].join(",")}`
  );
}

/** A set without the right to read the program's modules, which are embedded. */
function withoutModules(set: PermissionSet): PermissionSet {
  if (!Array.isArray(set.read)) return set;
  return { ...set, read: set.read.filter((path) => !PROGRAM_MODULES.includes(path)) };
}

function reasonOf(stderr: string, target: string): string {
  if (/denort|base binary|download/i.test(stderr)) {
    return `the runtime part (denort) for ${target} cannot be fetched; name a copy of it with DENORT_BIN`;
  }
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  return (lines.find((line) => line.startsWith("error")) ?? lines.at(-1) ?? "deno compile failed")
    .trim();
}
