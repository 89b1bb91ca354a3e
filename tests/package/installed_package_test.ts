/** The npm package as somebody has it who installs it; run on Node alone, by `deno task test:node`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { contentProblems, packedFiles } from "../../scripts/npm/review_package.ts";
import { REPOSITORY, repositoryText } from "../support/repository_text.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";

const LIMIT_MS = 300_000;
const { version, imports } = JSON.parse(repositoryText("deno.json"));
const tarball = join(REPOSITORY, `.build/node/package/mender-deno-${version}.tgz`);

interface Ran {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a program in a folder, with the Node that runs the tests first on the PATH. */
function run(cwd: string, program: string, ...args: string[]): Ran {
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, PATH },
    timeout: LIMIT_MS,
  });
  return { status, output: stdout + stderr };
}

/** An empty folder in which the tarball was installed, without running any script of any package. */
async function withInstalled(
  more: readonly string[],
  body: (folder: string) => void | Promise<void>,
): Promise<void> {
  await inTemporaryDirectory(async (folder) => {
    writeFileSync(join(folder, "package.json"), '{"private":true,"type":"module"}');
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
    const { status, output } = run(folder, "npm", "install", ...flags, tarball, ...more);
    assert.equal(status, 0, output);
    await body(folder);
  });
}

test(
  "npx mender-deno works in a folder where the tarball was installed",
  () =>
    withInstalled([], (folder) => {
      const npx = (...args: string[]): Ran =>
        run(folder, "npx", "--no", "--", "mender-deno", ...args);
      assert.deepEqual(npx("--version"), { status: 0, output: `mender-deno ${version}\n` });
      assert.match(npx("--help").output, /Commands:[\s\S]*daemon[\s\S]*setup/);
      const { status, output } = npx("demo");
      assert.equal(status, 0, output);
      assert.match(output, /nothing more to do/);
    }),
  { limitMs: LIMIT_MS },
);

test(
  "the installed library can be imported, and its types are whole and strict",
  () =>
    withInstalled(["typescript@5.9.3", "@types/node@20"], (folder) => {
      writeFileSync(
        join(folder, "user.ts"),
        `import { ArtifactReader, isMenderError, UpdateFlow, VERSION } from "mender-deno";
import { type MenderServer, startServer } from "mender-deno/testing";
const version: string = VERSION;
export function start(): Promise<MenderServer> | undefined {
  return startServer.length > 9 ? undefined : (undefined as Promise<MenderServer> | undefined);
}
console.log(version, typeof ArtifactReader, typeof UpdateFlow, isMenderError(1), typeof startServer);
`,
      );
      const checked = run(
        folder,
        "npx",
        ...["--no", "--", "tsc", "--strict", "--module", "nodenext", "--target", "es2022"],
        ...["--lib", "es2023,dom,dom.iterable,dom.asynciterable", "--types", "node", "user.ts"],
      );
      assert.deepEqual(checked, { status: 0, output: "" });
      assert.deepEqual(run(folder, "node", "user.js"), {
        status: 0,
        output: `${version} function function false function\n`,
      });
    }),
  { limitMs: LIMIT_MS },
);

test(
  "the package works without its optional part, and says what is missing",
  () =>
    withInstalled(["--omit=optional"], (folder) => {
      assert.ok(!existsSync(join(folder, "node_modules/@lydell")));
      const { status, output } = run(
        folder,
        "npx",
        "--no",
        "--",
        "mender-deno",
        "terminal",
        "--help",
      );
      assert.equal(status, 0, output);
    }),
  { limitMs: LIMIT_MS },
);

test(
  "no package that comes with it has a script that runs at its installation",
  () =>
    withInstalled([], (folder) => {
      const below = readdirSync(join(folder, "node_modules"), {
        recursive: true,
        encoding: "utf8",
      });
      const manifests = below.filter((path) => /(^|\/)(@[^/]+\/)?[^/]+\/package\.json$/.test(path));
      assert.ok(manifests.length > 5);
      for (const path of manifests) {
        const { scripts = {} } = JSON.parse(
          readFileSync(join(folder, "node_modules", path), "utf8"),
        );
        for (const name of ["preinstall", "install", "postinstall"]) {
          assert.equal(scripts[name], undefined, path);
        }
      }
    }),
  { limitMs: LIMIT_MS },
);

test(
  "the tarball holds the program, its types, its service files, README and LICENSE, nothing else",
  () => {
    const files = packedFiles(tarball);
    assert.deepEqual(contentProblems(files), []);
    const text = (path: string): string =>
      run(".", "tar", "-xzOf", tarball, `package/${path}`).output;
    assert.match(text("cli/main.js"), /^#!\/usr\/bin\/env node\n/);
    assert.match(run(".", "tar", "-tvzf", tarball, "package/cli/main.js").output, /^-rwxr-xr-x/);
    // Declarations lead to declarations.
    for (const path of files.filter((path) => path.endsWith(".d.ts"))) {
      for (const [, target = ""] of text(path).matchAll(/from "(\.[^"]+)"/g)) {
        const declaration = join(dirname(path), target).replace(/\.js$/, ".d.ts");
        assert.ok(files.includes(declaration), `${path}: ${target}`);
      }
    }
  },
  { limitMs: LIMIT_MS },
);

test("the package depends on exact versions, those that the tests ran with", () => {
  const { output } = run(".", "tar", "-xzOf", tarball, "package/package.json");
  const manifest = JSON.parse(output);
  assert.deepEqual(Object.keys(manifest.optionalDependencies), ["@lydell/node-pty"]);
  const all = { ...manifest.dependencies, ...manifest.optionalDependencies };
  for (const [name, wanted] of Object.entries(all)) {
    assert.equal(imports[name], `npm:${name}@${wanted}`);
  }
  assert.deepEqual([manifest.version, manifest.engines, manifest.bin, manifest.license], [
    version,
    { node: ">=20" },
    { "mender-deno": "cli/main.js" },
    "Apache-2.0",
  ]);
});
