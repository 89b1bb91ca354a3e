import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What the package needs of npm, with exact versions. */
export interface PackageDependencies {
  readonly dependencies: Readonly<Record<string, string>>;
  /** Works without: machine code, of which there is none for some machines. */
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

/** Packages that are not there for every machine. */
const OPTIONAL = ["@lydell/node-pty"];

/** Files of the program, as they are in the checkout. */
export function programSources(): string[] {
  const below = ["lib", "cli"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(folder, name))
  );
  return ["mod.ts", ...below].sort();
}

/** Packages of `deno.json`, name and exact version; those that tests alone use included. */
export function importedPackages(): Record<string, string> {
  const { imports } = JSON.parse(readFileSync("deno.json", "utf8")) as {
    imports: Record<string, string>;
  };
  return Object.fromEntries(
    Object.entries(imports).map(([name, target]) => {
      if (!target.startsWith(`npm:${name}@`)) {
        throw new Error(`Cannot pack ${name}: deno.json gives it another name than npm, ${target}`);
      }
      return [name, target.slice(target.lastIndexOf("@") + 1)];
    }),
  );
}

/** The packages that the program itself imports. */
export function packageDependencies(): PackageDependencies {
  const used = new Set(
    programSources().flatMap((path) =>
      [...readFileSync(path, "utf8").matchAll(/(?:from|import)\s*\(?\s*"([^".][^":]*)"/g)]
        .map(([, target = ""]) =>
          target.split("/").slice(0, target.startsWith("@") ? 2 : 1).join("/")
        )
    ),
  );
  const needed = Object.entries(importedPackages()).filter(([name]) => used.has(name));
  const pick = (isOptional: boolean): Record<string, string> =>
    Object.fromEntries(needed.filter(([name]) => OPTIONAL.includes(name) === isOptional));
  return { dependencies: pick(false), optionalDependencies: pick(true) };
}
