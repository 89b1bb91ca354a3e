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
import { packageDependencies, programSources } from "./dependencies.ts";

/** The oldest Node that the package runs on. */
const ENGINES = { node: ">=20" };
const RELATIVE_IMPORT = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;
const MANUAL = "docs/mender-deno.1";
const BIN = "cli/main.js";

/**
 * Makes the npm package from the sources: `deno pack` turns them into JavaScript and declarations; here
 * comes what it does not make: the command, exact versions, what is optional.
 *
 * @param directory Where the tarball goes.
 * @returns Its path.
 */
export function buildPackage(directory: string): string {
  const stage = mkdtempSync(join(tmpdir(), "mender-deno-pack-"));
  try {
    const manifest = copySources(stage);
    const packed = join(stage, "packed.tgz");
    // Declarations of modules that no public type leads to are left out, which it tells for each.
    run(process.execPath, ["pack", "--allow-dirty", "--no-source-maps", "--output", packed], stage);
    run("tar", ["-xzf", packed], stage);
    const content = join(stage, "package");
    finish(content, manifest);
    run("npm", ["pack", "--silent", "--ignore-scripts"], content);
    mkdirSync(directory, { recursive: true });
    const name = `${manifest.name}-${manifest.version}.tgz`;
    const target = resolve(directory, name);
    cpSync(join(content, name), `${target}.new`);
    renameSync(`${target}.new`, target);
    return target;
  } finally {
    rmSync(stage, { recursive: true });
  }
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Record<string, string>;
  readonly imports: Record<string, string>;
}

function copySources(stage: string): Manifest {
  const manifest = JSON.parse(readFileSync("deno.json", "utf8")) as Manifest;
  for (const path of [...programSources(), "README.md", "LICENSE"]) cpSync(path, join(stage, path));
  const { name, version, license, exports, imports } = manifest;
  writeFileSync(
    join(stage, "deno.json"),
    JSON.stringify({
      // deno pack wants a scope; the package has none.
      name: `@${name}/${name}`,
      version,
      license,
      exports: { ...exports, "./command": "./cli/main.ts", ...hiddenModules() },
      imports,
      compilerOptions: { strict: true },
      // The permission sets, which the command reads on Deno alone, are not part of it.
      permissions: {},
    }),
  );
  return manifest;
}

/** Modules that no entry leads to; packed by themselves they would be left as they are. */
function hiddenModules(): Record<string, string> {
  const seen = new Set<string>();
  const walk = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const [, target = ""] of readFileSync(path, "utf8").matchAll(RELATIVE_IMPORT)) {
      const next = join(dirname(path), target);
      if (next.endsWith(".ts")) walk(next);
    }
  };
  for (const entry of ["mod.ts", "lib/testing/mod.ts", "cli/main.ts"]) walk(entry);
  const hidden = programSources().filter((path) => !seen.has(path));
  return Object.fromEntries(hidden.map((path) => [`./${path}`, `./${path}`]));
}

function finish(content: string, { name, version, license, exports }: Manifest): void {
  rmSync(join(content, "deno.json"), { force: true });
  cpSync("scripts/service", join(content, "scripts/service"), { recursive: true });
  cpSync(MANUAL, join(content, MANUAL));
  const main = join(content, BIN);
  writeFileSync(main, `#!/usr/bin/env node\n${readFileSync(main, "utf8")}`);
  chmodSync(main, 0o755);
  const entry = (path: string, ending: string): string => path.replace(/\.ts$/, ending);
  writeFileSync(
    join(content, "package.json"),
    JSON.stringify(
      {
        name,
        version,
        description: "Over-the-air updates with Mender, on a device",
        license,
        type: "module",
        engines: ENGINES,
        os: ["linux"],
        bin: { [name]: BIN },
        man: MANUAL,
        main: entry(exports["."] ?? "", ".js"),
        types: entry(exports["."] ?? "", ".d.ts"),
        exports: Object.fromEntries(
          Object.entries(exports).map(([path, source]) => [path, {
            types: entry(source, ".d.ts"),
            default: entry(source, ".js"),
          }]),
        ),
        ...packageDependencies(),
      },
      null,
      2,
    ) + "\n",
  );
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`Cannot build the package: ${command} ${args[0]}:\n${stdout}${stderr}`);
  }
}
