import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { packageDependencies, programSources } from "../npm/dependencies.ts";
import { compileProgram } from "./compile_program.ts";

/** What a bundle is made of and for. */
export interface BundleOptions {
  /** Where the tar goes. */
  readonly directory: string;
  /** The Deno binary that goes into it; `undefined`: the device has one on its PATH. */
  readonly deno: string | undefined;
  /** Machine that it is for, as npm names it: `x64` or `arm64`. */
  readonly cpu: string;
}

/** Paths of the checkout that go into a bundle as they are. */
const TAKEN = [
  "scripts/mender-deno",
  "scripts/service",
  "docs",
  "README.md",
  "CHANGELOG.md",
  "SECURITY.md",
  "LICENSE",
];

/**
 * Makes a bundle for devices: the compiled program, npm modules, wrapper, service files, and a Deno binary.
 * Nothing has to be fetched to run it.
 *
 * @returns Path of the tar.
 */
export function buildBundle({ directory, deno, cpu }: BundleOptions): string {
  const { name, version } = JSON.parse(readFileSync("deno.json", "utf8"));
  const stage = mkdtempSync(join(tmpdir(), "mender-deno-bundle-"));
  const top = `${name}-${version}`;
  const [sources, content] = [join(stage, "sources"), join(stage, top)];
  try {
    for (const path of programSources()) cpSync(path, join(sources, path));
    for (const path of TAKEN) cpSync(path, join(content, path), { recursive: true });
    writeManifests(sources);
    writeManifests(content);
    run("npm", [
      ...[
        "install",
        "--silent",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
      ],
      ...[`--cpu=${cpu}`, "--os=linux", "--libc=glibc"],
    ], sources);
    const { dependencies, optionalDependencies } = packageDependencies();
    compileProgram(sources, content, Object.keys({ ...dependencies, ...optionalDependencies }));
    renameSync(join(sources, "node_modules"), join(content, "node_modules"));
    if (deno !== undefined) {
      mkdirSync(join(content, "bin"));
      cpSync(deno, join(content, "bin/deno"), { dereference: true });
      chmodSync(join(content, "bin/deno"), 0o755);
    }
    mkdirSync(directory, { recursive: true });
    const target = resolve(
      directory,
      `${top}-linux-${cpu}${deno === undefined ? "-nodeno" : ""}.tar.gz`,
    );
    // The same content gives the same tar.
    run("tar", [
      ...["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"],
      ...["--use-compress-program=gzip -1 -n", "-cf", target, top],
    ], stage);
    return target;
  } finally {
    rmSync(stage, { recursive: true });
  }
}

/** Bare names lead to `node_modules`, which Deno takes as it is. */
function writeManifests(content: string): void {
  const { name, version, license, unstable, permissions } = JSON.parse(
    readFileSync("deno.json", "utf8"),
  );
  const write = (path: string, value: unknown): void => {
    mkdirSync(dirname(join(content, path)), { recursive: true });
    writeFileSync(join(content, path), JSON.stringify(value, null, 2) + "\n");
  };
  write("deno.json", {
    name,
    version,
    license,
    nodeModulesDir: "manual",
    unstable,
    permissions,
  });
  write("package.json", {
    name,
    version,
    license,
    private: true,
    type: "module",
    ...packageDependencies(),
  });
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot build the bundle: ${command}:\n${stdout}${stderr}`);
}

/** The machine that this runs on, as npm names it. */
export const THIS_CPU: string = process.arch;
