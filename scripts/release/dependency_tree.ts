import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A package that comes with ours. */
export interface Dependency {
  readonly name: string;
  readonly version: string;
  /** As SPDX has it, or what the package says. */
  readonly license: string;
  /** Checksum as npm has it, `sha512-…`. */
  readonly integrity: string | undefined;
  /** Whether it is one that may be missing. */
  readonly isOptional: boolean;
  /** Whether something of it runs when it is installed. */
  readonly hasInstallScript: boolean;
}

/** Licences that this project may be shipped with. */
const ACCEPTED = [
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "ISC",
  "MIT",
];

/** What older packages say, and what it is called today; of a choice the first is taken. */
const OLD_NAMES: Readonly<Record<string, string>> = { "MIT/X11": "MIT", "MIT,Apache2": "MIT" };

/** All packages that an installation of the tarball brings, sorted by name. */
export function dependencyTree(tarball: string): Dependency[] {
  const folder = mkdtempSync(join(tmpdir(), "mender-deno-tree-"));
  try {
    writeFileSync(join(folder, "package.json"), '{"private":true}');
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
    const { status, stdout, stderr } = spawnSync("npm", ["install", ...flags, tarball], {
      cwd: folder,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`Cannot install ${tarball}:\n${stdout}${stderr}`);
    const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as Lock;
    return Object.entries(lock.packages)
      .filter(([path]) => path.includes("node_modules/") && !path.endsWith("/mender-deno"))
      .map(([path, entry]) => dependencyOf(folder, path, entry))
      .sort((one, other) => one.name < other.name ? -1 : 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What speaks against shipping these, one line each. */
export function dependencyProblems(tree: readonly Dependency[]): string[] {
  return tree.flatMap(({ name, version, license, hasInstallScript }) => [
    ...(hasInstallScript ? [`${name}@${version} runs a script when it is installed`] : []),
    ...(ACCEPTED.includes(license) ? [] : [`${name}@${version} has the licence "${license}"`]),
  ]);
}

interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

interface LockEntry {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

function dependencyOf(folder: string, path: string, entry: LockEntry): Dependency {
  const manifest = join(folder, path, "package.json");
  // An optional package for another machine is not there; the lock knows its licence.
  const { license, licenses, scripts = {} } = existsSync(manifest)
    ? JSON.parse(readFileSync(manifest, "utf8"))
    : { license: undefined, licenses: undefined };
  const named = license?.type ?? license ?? licenses?.[0]?.type ?? entry.license ?? "none";
  return {
    name: path.slice(path.lastIndexOf("node_modules/") + 13),
    version: entry.version,
    license: OLD_NAMES[String(named)] ?? String(named),
    integrity: entry.integrity,
    isOptional: entry.optional === true,
    hasInstallScript: entry.hasInstallScript === true ||
      ["preinstall", "install", "postinstall"].some((name) => name in scripts),
  };
}
