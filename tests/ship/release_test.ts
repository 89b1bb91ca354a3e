import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { contentProblems } from "../../scripts/npm/review_package.ts";
import { dependencyProblems } from "../../scripts/release/dependency_tree.ts";
import { versionProblems, type VersionTexts } from "../../scripts/release/versions.ts";
import { REPOSITORY, repositoryText } from "../support/repository_text.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";

const good: VersionTexts = {
  manifest: '{"version": "1.2.3"}',
  code: 'export const VERSION = "1.2.3";',
  changelog:
    "# Changelog\n\n## 1.2.3 - 2026-11-24\n\n### Added\n\n- Something.\n\n## 1.2.2 - 2026-01-01\n",
  manual: '.TH MENDER\\-DENO 1 "" "mender\\-deno 1.2.3"\n',
};

const rows: readonly (readonly [name: string, texts: Partial<VersionTexts>, problem: RegExp])[] = [
  ["another version in the code", { code: 'VERSION = "1.2.4"' }, /version\.ts says 1\.2\.4/],
  ["an old manual page", { manual: '"mender\\-deno 1.2.2"' }, /is not of 1\.2\.3/],
  ["no entry in the changelog", { changelog: "## 1.2.2 - 2026-01-01\n\n- Old.\n" }, /has no entry/],
  [
    "an empty entry",
    { changelog: "## 1.2.3 - 2026-01-01\n\n## 1.2.2\n\n- Old.\n" },
    /has no entry/,
  ],
  ["no date", { changelog: "## 1.2.3 - soon\n\n- New.\n" }, /wanted a date/],
  ["no version at all", { manifest: '{"version": "next"}' }, /is no version/],
];

for (const [name, texts, problem] of rows) {
  test(`release:check finds ${name}`, () => {
    const { problems } = versionProblems({ ...good, ...texts });
    assert.ok(problems.some((line) => problem.test(line)), problems.join("\n"));
  });
}

test("release:check takes versions that agree", () => {
  assert.deepEqual(versionProblems(good), { problems: [], notes: [] });
});

test("release:check finds install scripts, licences and files that nobody has agreed to", () => {
  const dependency = {
    ...{ name: "some", version: "1.0.0", license: "MIT", integrity: undefined },
    ...{ isOptional: false, hasInstallScript: false },
  };
  assert.deepEqual(dependencyProblems([dependency]), []);
  assert.equal(dependencyProblems([{ ...dependency, hasInstallScript: true }]).length, 1);
  assert.equal(dependencyProblems([{ ...dependency, license: "GPL-3.0" }]).length, 1);
  const content = [
    "mod.js",
    "mod.d.ts",
    "cli/main.js",
    "lib/testing/mod.d.ts",
    "README.md",
    "LICENSE",
  ];
  assert.deepEqual(contentProblems(content), []);
  assert.deepEqual(contentProblems([...content, "tests/a_test.js", "lib/a.ts", ".npmrc"]), [
    "the package holds tests/a_test.js",
    "the package holds lib/a.ts",
    "the package holds .npmrc",
  ]);
  assert.deepEqual(contentProblems(content.slice(1)), ["the package lacks mod.js"]);
});

test(
  "what is here can be released, and has a bill of materials",
  () =>
    inTemporaryDirectory((directory) => {
      const args = ["run", "-A", "scripts/release_check.ts", directory];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, {
        cwd: REPOSITORY,
        encoding: "utf8",
      });
      assert.equal(status, 0, stdout + stderr);
      const { version, imports } = JSON.parse(repositoryText("deno.json"));
      const bill = JSON.parse(
        readFileSync(join(directory, `mender-deno-${version}.cdx.json`), "utf8"),
      );
      assert.deepEqual([bill.bomFormat, bill.specVersion], ["CycloneDX", "1.5"]);
      assert.match(bill.metadata.component.hashes[0].content, /^[0-9a-f]{64}$/);
      const purls = bill.components.map(({ purl }: { purl: string }) => purl);
      assert.deepEqual(purls, [...new Set(purls)]);
      for (const [name, specifier] of Object.entries<string>(imports)) {
        if (name === "@msgpack/msgpack") continue; // of the tests alone
        const exact = specifier.slice(specifier.lastIndexOf("@") + 1);
        assert.ok(purls.includes(`pkg:npm/${name.replace("@", "%40")}@${exact}`), name);
      }
      for (const { licenses, name } of bill.components) {
        assert.ok(licenses[0].license.id !== "none", name);
        assert.ok(stdout.includes(`  ${name} `), name);
      }
    }),
  { limitMs: 300_000 },
);
