/**
 * Holds the imports of `lib/`, `cli/` and `mod.ts` against the floors of the house: a folder imports
 * only from floors below it, nothing imports in a circle, and only `lib/runtime` touches the machine.
 *
 * Run: `deno run --allow-read scripts/check_layers.ts`
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import process from "node:process";

/** Lowest floor first; folders of one floor do not import each other. */
const FLOORS: readonly (readonly string[])[] = [
  ["lib/core"],
  ["lib/runtime"],
  ["lib/store", "lib/config", "lib/keys", "lib/log"],
  ["lib/api", "lib/download", "lib/artifact", "lib/identity", "lib/dbus", "lib/control"],
  ["lib/deployment", "lib/connect"],
  ["lib/device", "lib/flow"],
  ["lib/daemon"],
  ["lib/client"],
  ["lib/testing"],
  ["cli", "mod.ts"],
];

/** Built-ins that compute and touch nothing. */
const PURE_BUILT_INS = new Set([
  "node:path",
  "node:crypto",
  "node:zlib",
  "node:buffer",
  "node:util",
]);

/** npm packages that belong to one place, so that a swap touches it alone. */
const PACKAGE_HOMES: Readonly<Record<string, string>> = {
  "commander": "cli/arguments.ts",
  "@commander-js/extra-typings": "cli/arguments.ts",
  "@particle/dbus-next": "lib/dbus/bus_library.ts",
  "undici": "lib/runtime/http/undici_http.ts",
  "@lydell/node-pty": "lib/runtime/pty/native_pty.ts",
  "@msgpack/msgpack": "tests/unit/connect/msgpack_test.ts",
  "ws": "lib/runtime/websocket/ws_library.ts",
  "xz-decompress": "lib/artifact/compression/xz_decompressor.ts",
};

const root = process.cwd();

/** Every broken rule, one line each. */
function checkLayers(): string[] {
  const files = ["lib", "cli"].flatMap(sourcesBelow).concat("mod.ts");
  const imports = new Map(files.map((file) => [file, importsOf(file)]));
  return [
    ...files.flatMap((file) => imports.get(file)!.flatMap((target) => brokenRules(file, target))),
    ...files.flatMap((file) => namesRuntime(file)),
    ...circles(imports),
  ];
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name))
    .sort();
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const found = text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g);
  return [...found].map(([, target = ""]) =>
    target.startsWith(".") ? normalize(join(dirname(file), target)) : target
  );
}

function brokenRules(file: string, target: string): string[] {
  if (target.startsWith("node:")) {
    if (PURE_BUILT_INS.has(target) || file.startsWith("lib/runtime/")) return [];
    return [`${file} imports ${target}: only lib/runtime may touch the machine`];
  }
  const packageHome = PACKAGE_HOMES[target];
  if (packageHome !== undefined && packageHome !== file) {
    return [`${file} imports ${target}: its home is ${packageHome}`];
  }
  const [from, to] = [floorOf(file), floorOf(target)];
  if (to === undefined) return [];
  if (from === undefined) return [`${file} stands on no floor`];
  if (folderOf(file) === folderOf(target) || from > to) return [];
  return [`${file} imports ${target}: the arrow points ${from === to ? "sideways" : "up"}`];
}

function namesRuntime(file: string): string[] {
  if (file.startsWith("lib/runtime/")) return [];
  const code = readFileSync(join(root, file), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\/\/.*$/gm, "");
  const name = /\b(Deno\.|process\.(?!s$)\w|globalThis\.(Deno|process)\b)/.exec(code)?.[0];
  return name === undefined
    ? []
    : [`${file} names ${name}: only lib/runtime may touch the machine`];
}

function floorOf(path: string): number | undefined {
  const floor = FLOORS.findIndex((folders) =>
    folders.some((folder) => path === folder || path.startsWith(`${folder}/`))
  );
  return floor < 0 ? undefined : floor;
}

function folderOf(path: string): string {
  return path.split("/").slice(0, path.startsWith("lib/") ? 2 : 1).join("/");
}

function circles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) {
      found.push(`circle: ${[...trail.slice(trail.indexOf(file)), file].join(" -> ")}`);
      return;
    }
    if (done.has(file)) return;
    for (const target of imports.get(file) ?? []) walk(target, [...trail, file]);
    done.add(file);
  };
  for (const file of imports.keys()) walk(file, []);
  return found;
}

const broken = checkLayers();
for (const line of broken) console.log(line);
process.exitCode = broken.length === 0 ? 0 : 1;
