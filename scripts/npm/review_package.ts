import { spawnSync } from "node:child_process";

/** What may be in the package. */
const ALLOWED = [
  /^(package\.json|README\.md|LICENSE|mod\.js|mod\.d\.ts)$/,
  /^(lib|cli)\/[\w/]+\.(js|d\.ts)$/,
  /^docs\/mender-deno\.1$/,
  /^scripts\/service\/\w+\.sh$/,
  /^scripts\/service\/system\/[\w.-]+\.(service|conf|sh)$/,
];

/** What must be in it. */
const NEEDED = [
  "mod.js",
  "mod.d.ts",
  "cli/main.js",
  "lib/testing/mod.d.ts",
  "README.md",
  "LICENSE",
];

/** Paths of the files of a package. */
export function packedFiles(tarball: string): string[] {
  const { status, stdout, stderr } = spawnSync("tar", ["-tzf", tarball], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot list ${tarball}: ${stderr}`);
  return stdout.trim().split("\n").map((path) => path.replace(/^package\//, ""));
}

/** What is in the package and should not be, or is not and should; one line each. */
export function contentProblems(files: readonly string[]): string[] {
  return [
    ...files.filter((path) => !ALLOWED.some((pattern) => pattern.test(path)))
      .map((path) => `the package holds ${path}`),
    ...NEEDED.filter((path) => !files.includes(path)).map((path) => `the package lacks ${path}`),
  ];
}
