/**
 * Whether what is here can be released: versions that agree, an entry in the changelog, a package with
 * nothing unexpected in it, dependencies that may be shipped and run nothing when they are installed.
 * Writes the package and its bill of materials (CycloneDX) to `dist/release`, or the directory named.
 *
 * Run: `deno task release:check`
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { buildPackage } from "./npm/build_package.ts";
import { contentProblems, packedFiles } from "./npm/review_package.ts";
import { dependencyProblems, dependencyTree } from "./release/dependency_tree.ts";
import { cycloneDx } from "./release/sbom.ts";
import { versionProblems } from "./release/versions.ts";

const directory = process.argv[2] ?? "dist/release";
const text = (path: string): string => readFileSync(path, "utf8");

const { problems, notes } = versionProblems({
  manifest: text("deno.json"),
  code: text("lib/core/version.ts"),
  changelog: text("CHANGELOG.md"),
  manual: text("docs/mender-deno.1"),
});
const tarball = buildPackage(directory);
const files = packedFiles(tarball);
problems.push(...contentProblems(files));
const tree = dependencyTree(tarball);
problems.push(...dependencyProblems(tree));

const { name, version, license } = JSON.parse(text("deno.json"));
const sbom = join(directory, `${name}-${version}.cdx.json`);
const bill = cycloneDx({ name, version, license, path: tarball }, tree);
writeFileSync(sbom, JSON.stringify(bill, null, 2) + "\n");

console.log(`${tarball}: ${files.length} files`);
for (const each of tree) {
  const optional = each.isOptional ? " (optional)" : "";
  console.log(`  ${each.name} ${each.version}: ${each.license}${optional}`);
}
console.log(sbom);
for (const note of notes) console.log(`note: ${note}`);
for (const problem of problems) console.log(`PROBLEM: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
